use super::Proxy;

#[test]
fn a_proxy_is_read() {
    let proxy = Proxy::parse("http://127.0.0.1:3128").unwrap();
    assert_eq!(proxy.address.port(), 3128);
    assert!(proxy.authorization.is_none());
    let proxy = Proxy::parse("http://al%3Aice:p%40ss+word@127.0.0.1/").unwrap();
    assert_eq!(proxy.address.port(), 80);
    // al:ice:p@ss+word
    assert_eq!(proxy.authorization.unwrap(), "Basic YWw6aWNlOnBAc3Mrd29yZA==");
}

#[test]
fn other_proxies_are_refused() {
    for text in
        ["127.0.0.1:3128", "https://127.0.0.1", "socks5://127.0.0.1:1080", "http://127.0.0.1/x", "http://127.0.0.1?x"]
    {
        assert!(Proxy::parse(text).is_err(), "{text}");
    }
    let told = Proxy::parse("https://user:secret@127.0.0.1").unwrap_err().to_string();
    assert!(!told.contains("secret"), "{told}");
}
