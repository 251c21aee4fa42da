//! Caddy (certmagic), Debian's: an HTTPS server that gets its certificate by itself.

use super::lab::Lab;

#[test]
fn caddy_serves_with_a_certificate_of_ours() {
    let lab = Lab::start();
    let script = r#"
cat > Caddyfile <<END
{
    admin off
    storage file_system $PWD/caddy
    acme_ca $DIRECTORY
    acme_ca_root $ROOT
    email admin@lab.test
    http_port $HTTP_PORT
    https_port $TLS_PORT
}
one.lab.test, two.lab.test {
    respond "served"
}
END
export XDG_CONFIG_HOME=$PWD XDG_DATA_HOME=$PWD
caddy run --config Caddyfile --adapter caddyfile > caddy.log 2>&1 & pid=$!
trap 'kill $pid' EXIT
for name in one two; do
    for _ in $(seq 300); do
        kill -0 $pid
        answer=$(curl -sS --cacert "$ROOT" --resolve $name.lab.test:$TLS_PORT:127.0.0.1 https://$name.lab.test:$TLS_PORT/ 2>curl.log) && break
        sleep 0.1
    done
    [ "$answer" = served ] || { cat caddy.log curl.log; exit 1; }
    openssl s_client -connect 127.0.0.1:$TLS_PORT -servername $name.lab.test -showcerts </dev/null 2>/dev/null |
        sed -n '/BEGIN/,/END/p' > $name.pem
done
"#;
    let ran = lab.sh(script);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    lab.verify("one.pem", &["one.lab.test"]);
    lab.verify("two.pem", &["two.lab.test"]);
}
