//! BouncyCastle's EST client (Debian's 1.72), which decodes nothing without Content-Transfer-Encoding, reads no body of a 401
//! and knows tls-unique.

use super::script;
use crate::start;

#[test]
fn bouncycastle_fetches_enrols_and_links() {
    let server = start();
    std::fs::write(server.folder().join("Est.java"), include_str!("Est.java")).unwrap();
    let printed = script(
        &server,
        "J=/usr/share/java; java -cp $J/bcprov.jar:$J/bcpkix.jar:$J/bcutil.jar:$J/bctls.jar Est.java ${U#https://} $R",
    )
    .ok();
    for line in
        ["TLSv1.2 linked 1", "TLSv1.2 enrolled 1", "TLSv1.3 cacerts 2", "TLSv1.3 csrattrs true", "TLSv1.3 enrolled 1"]
    {
        assert!(printed.contains(line), "{line}: {printed}");
    }
}
