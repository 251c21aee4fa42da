//! Apache's mod_md, Debian's: an HTTPS server that gets its certificate by itself and shows it after its next restart.

use super::lab::Lab;

#[test]
fn mod_md_serves_with_a_certificate_of_ours() {
    let lab = Lab::start();
    let script = r#"
# Its children run as another user and keep the certificates.
chmod 711 .
mkdir -p apache/htdocs
echo served > apache/htdocs/index.html
cp "$ROOT" apache/root.pem
[ "$(id -u)" != 0 ] || chown -R www-data apache
cat > apache.conf <<END
ServerRoot $PWD/apache
PidFile $PWD/apache/pid
ErrorLog $PWD/apache.log
LogLevel md:debug
$(for module in mpm_event authz_core dir ssl md; do
    echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
done)
$([ "$(id -u)" != 0 ] || printf 'User www-data\nGroup www-data\n')
Listen 127.0.0.1:$HTTP_PORT
Listen 127.0.0.1:$TLS_PORT https
ServerName one.lab.test
ServerAdmin admin@lab.test
MDStoreDir $PWD/apache/md
MDCertificateAuthority $DIRECTORY
MDCACertificateFile $PWD/apache/root.pem
MDCertificateAgreement accepted
MDContactEmail admin@lab.test
MDPortMap http:$HTTP_PORT https:$TLS_PORT
MDRetryDelay 1s
MDomain one.lab.test www.one.lab.test
DocumentRoot $PWD/apache/htdocs
<Directory $PWD/apache/htdocs>
    Require all granted
</Directory>
<VirtualHost *:$HTTP_PORT>
    ServerName one.lab.test
    ServerAlias www.one.lab.test
</VirtualHost>
<VirtualHost *:$TLS_PORT>
    ServerName one.lab.test
    ServerAlias www.one.lab.test
    SSLEngine on
</VirtualHost>
END
apache2 -f "$PWD/apache.conf" -D FOREGROUND > apache.out 2>&1 & pid=$!
trap 'kill $pid; wait $pid || true' EXIT
until_true() { for _ in $(seq 600); do kill -0 $pid || break; "$@" >/dev/null 2>&1 && return; sleep 0.1; done; cat apache.out apache.log; exit 1; }
until_true grep -q 'on next .*restart' apache.log
kill -USR1 $pid
until_true curl -sS --cacert "$ROOT" --resolve one.lab.test:$TLS_PORT:127.0.0.1 https://one.lab.test:$TLS_PORT/
curl -sS --cacert "$ROOT" --resolve www.one.lab.test:$TLS_PORT:127.0.0.1 https://www.one.lab.test:$TLS_PORT/
openssl s_client -connect 127.0.0.1:$TLS_PORT -servername one.lab.test -showcerts </dev/null 2>/dev/null |
    sed -n '/BEGIN/,/END/p' > one.pem
"#;
    let ran = lab.sh(script);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("served"), "{}", ran.stdout);
    lab.verify("one.pem", &["one.lab.test", "www.one.lab.test"]);
}
