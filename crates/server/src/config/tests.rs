use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;

use secrecy::ExposeSecret;

use super::load::known_keys;
use super::*;

/// What `text` as a file, these variables and these flags come to.
fn loaded(text: &str, variables: &[(&str, &str)], flags: Overrides) -> Result<Loaded, ConfigError> {
    let file = tempfile::Builder::new().prefix("chancery").suffix(".toml").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    load(Some(file.path()), variables, flags)
}

fn fault(text: &str, variables: &[(&str, &str)]) -> String {
    loaded(text, variables, Overrides::new()).expect_err(text).to_string()
}

#[test]
fn the_example_has_every_key_at_its_default() {
    let loaded = loaded(EXAMPLE, &[], Overrides::new()).unwrap();
    assert_eq!(loaded.settings, Settings::default());

    let mut keys = Vec::new();
    collect("", &EXAMPLE.parse().unwrap(), &mut keys);
    keys.sort();
    assert_eq!(keys, known_keys().into_iter().collect::<Vec<_>>());
}

fn collect(above: &str, table: &toml::Table, keys: &mut Vec<String>) {
    for (key, value) in table {
        match value {
            toml::Value::Table(below) => collect(&format!("{above}{key}."), below, keys),
            _ => keys.push(format!("{above}{key}")),
        }
    }
}

#[test]
fn what_show_prints_can_be_read_again() {
    let text = toml::to_string_pretty(&Settings::default()).unwrap();
    assert_eq!(loaded(&text, &[], Overrides::new()).unwrap().settings, Settings::default());
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let file = "base_url = 'https://file.example'\n[listen]\nhttps = '127.0.0.1:1'\nhttp = '127.0.0.1:1'";
    let variables = [
        ("CHANCERY__LISTEN__HTTPS", "127.0.0.1:2"),
        ("CHANCERY__LISTEN__HTTP", "127.0.0.1:2"),
        ("CHANCERY_NOT_OURS", "x"),
    ];
    let flags = vec![("listen.https", "127.0.0.1:3".to_owned())];
    let settings = loaded(file, &variables, flags).unwrap().settings;
    assert_eq!(settings.listen.https.port(), 3);
    assert_eq!(settings.listen.http.port(), 2);
    assert_eq!(settings.base_url.unwrap().as_str(), "https://file.example/");
    assert_eq!(settings.listen.mtls.port(), 8444);
}

#[test]
fn every_key_can_be_set_by_the_environment() {
    let defaults = toml::Table::try_from(Settings::default()).unwrap();
    for key in known_keys() {
        let value = key.split('.').fold(&toml::Value::Table(defaults.clone()), |at, part| &at[part]).clone();
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Array(_) if key.ends_with(".perspectives") => {
                "a resolver=192.0.2.1, b proxy=http://b:1".into()
            }
            toml::Value::Array(_) if key.ends_with(".nat64") => "2001:db8::/96".into(),
            toml::Value::Array(_) if key == "oidc" => {
                r#"[{"issuer": "https://a", "audience": "b", "jwks_file": "c", "map": [{"claim": "d", "value": "e",
                "role": "auditor"}]}]"#
                    .into()
            }
            toml::Value::Array(_) => "192.0.2.1, 192.0.2.2".to_owned(),
            other => other.to_string(),
        };
        let name = format!("CHANCERY__{}", key.replace('.', "__").to_uppercase());
        loaded("", &[(&name, &text)], Overrides::new()).unwrap_or_else(|error| panic!("{name}={text}: {error}"));
    }
    let names = loaded("", &[("CHANCERY__TLS__NAMES", "a.example, b.example")], Overrides::new()).unwrap();
    assert_eq!(names.settings.tls.names, ["a.example", "b.example"]);
}

#[test]
fn wrong_configurations_are_refused_with_what_is_wrong() {
    for (text, says) in [
        ("lisen = 1", &[":1:1: there is no configuration key \"lisen\""] as &[&str]),
        ("[listen]\nhttsp = '127.0.0.1:1'", &[":2:1: ", "\"listen.httsp\"; did you mean \"listen.https\"?"]),
        ("\n[lmits]\nworkers = 1", &[":2:2: ", "section \"lmits\"; did you mean [limits]?"]),
        ("[db]\nurl = 'x'", &["section \"db\""]),
        ("[databases]\nurl = 'x'", &["did you mean [database]?"]),
        ("[auth]\nname = 'x'", &["did you mean [authority]?"]),
        ("[limits]\nwrokers = 1", &["did you mean \"limits.workers\"?"]),
        ("passphrase = 'x'", &["did you mean \"keys.passphrase\"?"]),
        ("a = 1\nb = 2", &["\"a\"", "\"b\""]),
        ("[listen\nhttps = 1", &[":1:"]),
        ("listen = 1", &[":1:1: listen is a section"]),
        ("data = { a = 1 }", &[":1:1: data: "]),
        ("[listen]\nhttps = 'somewhere'", &["listen.https", "somewhere"]),
        ("[listen]\nhttps = 8443", &["listen.https", "8443"]),
        ("base_url = 'ra.example'", &["base_url"]),
        ("base_url = 'http://ra.example'", &["base_url: must begin with https://"]),
        ("base_url = 'https://ra.example/api'", &["base_url: give scheme, host and port only"]),
        ("status_url = 'ftp://ra.example'", &["status_url: must begin with http://"]),
        ("[database]\nreaders = 0", &["database.readers: from 1 to 64"]),
        ("[database]\nreaders = 'many'", &["database.readers", "many"]),
        ("[keys]\npassphrase = 'x'\npassphrase_file = '/x'", &["are both set"]),
        ("[authority]\nkey_type = 'p-257'", &["authority.key_type", "p-257"]),
        ("[authority]\nroot_subject = 'nonsense'", &["authority.root_subject"]),
        ("[authority]\nroot_lifetime = '5 y'", &["authority.issuing_lifetime: must not be longer"]),
        ("[authority]\nname = ' '", &["authority.name"]),
        ("[crl]\nlifetime = 'soon'", &["crl.lifetime", "is not a duration"]),
        ("[crl]\nremake_after = '6 d'", &["crl.remake_after: at most half of crl.lifetime"]),
        ("[tls]\nlifetime = '1 y'", &["tls.lifetime: from 30 d to 90 d"]),
        ("[audit]\ncheckpoint_every = '0 s'", &["audit.checkpoint_every"]),
        ("[limits]\nhead_timeout = '0 s'", &["limits.head_timeout: from 1 s to 60 s"]),
        ("[limits]\nconnections = -1", &["limits.connections"]),
        ("[log]\nformat = 'xml'", &[":2:1: log.format: \"xml\": write \"text\" or \"json\""]),
        ("[database]\nurl = 'mysql://ra:lion@db/ra'", &[":2:1: database.url: \"mysql://ra:***@db/ra\"", "postgres://"]),
        ("[database]\nurl = 'sqlite://'", &["database.url", "names a file"]),
        ("[log]\nlevel = 'info,=,'", &["log.level"]),
        ("[database]\nreaders = 0\n[tls]\nlifetime = '1 d'", &["database.readers", "tls.lifetime"]),
        ("[acme.validation]\nhttp_prot = 1", &["did you mean \"acme.validation.http_port\"?"]),
        ("[acme.validation]\nhttp_port = 0", &["acme.validation.http_port: from 1 to 65535"]),
        ("[acme.validation]\ntls_port = 70000", &["acme.validation.tls_port"]),
        ("[acme.validation]\nresolver = 'dns.example'", &["acme.validation.resolver", "\"127.0.0.1:8053\""]),
        ("[acme.validation]\nallow = ['10.0.0.1/8']", &["acme.validation.allow", "write \"10.0.0.0/8\""]),
        ("[acme.validation]\ndeny = ['all']", &["acme.validation.deny", "all"]),
        ("[acme.validation]\ntimeout = '2 min'", &["acme.validation.timeout: from 1 s to 60 s"]),
        ("[acme.validation]\nattempts = 0", &["acme.validation.attempts: from 1 to 100"]),
        ("[acme.validation]\nat_once = 0", &["acme.validation.at_once: from 1 to 10000"]),
        ("[acme.validation]\nquorum = 1", &["acme.validation.quorum: at most"]),
        ("[acme.validation.attestation]\ntpms = []", &["did you mean \"acme.validation.attestation.tpm\"?"]),
        ("[acme.validation]\nperspectives = ['far']", &["acme.validation.perspectives", "looks from nowhere else"]),
        ("[acme.validation]\nperspectives = ['far proxy=socks://x']", &["acme.validation.perspectives", "its proxy"]),
        ("[proxies]\ntrusted = ['everybody']", &["proxies.trusted", "everybody"]),
        ("[proxies]\ntrusted = ['10.0.0.0/33']", &["proxies.trusted", "10.0.0.0/33", "neither"]),
        ("[proxies]\nclient_certificates = ['10.0.0.1/8']", &["proxies.client_certificates", "write \"10.0.0.0/8\""]),
        ("[proxies]\nclient_certificate_header = 'x'", &["client_certificate_header", "write \"client-cert\""]),
        ("[proxies]\ntrusted = ['10.0.0.1/8']", &["proxies.trusted", "10.0.0.1/8", "write \"10.0.0.0/8\""]),
    ] {
        let error = fault(text, &[]);
        for words in says {
            assert!(error.contains(words), "{text:?} said: {error}");
        }
    }
}

/// Whatever is wrong is told in one run, each with its place, and nothing that only follows from another fault.
#[test]
fn all_faults_come_at_once() {
    let file = "lisen = 1\n[listen]\nhttps = 'somewhere'\n[log]\nformat = 'xml'\n[authority]\nroot_lifetime = 'long'\n\
                issuing_lifetime = '30 y'\n[limits]\nworkers = 257\n[proxies]\ntrusted = ['a', 'b']";
    let variables = [("CHANCERY__TLS__LIFETIME", "1 d"), ("CHANCERY__CRL__LIFETIM", "7 d")];
    let error = fault(file, &variables);
    let lines: Vec<_> = error.lines().collect();
    for (at, says) in [
        (":1:1:", "lisen"),
        (":3:1:", "listen.https"),
        (":5:1:", "log.format"),
        (":7:1:", "authority.root_lifetime"),
        (":10:1:", "limits.workers"),
        (":12:1:", "proxies.trusted: \"a\""),
        (":12:1:", "proxies.trusted: \"b\""),
        ("environment variable CHANCERY__TLS__LIFETIME:", "tls.lifetime: from 30 d"),
        ("environment variable CHANCERY__CRL__LIFETIM:", "CHANCERY__CRL__LIFETIME?"),
    ] {
        assert!(lines.iter().any(|line| line.contains(at) && line.contains(says)), "{at} {says} in:\n{error}");
    }
    assert_eq!(lines.len(), 9, "{error}");

    let error = fault("a = \n[listen]\nhttps = '127.0.0.1:1\n", &[("CHANCERY__TLS__LIFETIME", "1 d")]);
    assert!(error.contains(":1:") && error.contains(":3:") && error.contains("tls.lifetime"), "{error}");
}

#[test]
fn a_variable_with_one_underscore_is_warned_of() {
    let warnings = |name: &str| loaded("", &[(name, "x")], Overrides::new()).unwrap().warnings.join("\n");
    for (name, near) in [
        ("CHANCERY_DATABASE_URL", "CHANCERY__DATABASE__URL"),
        ("CHANCERY_DATA", "CHANCERY__DATA"),
        ("CHANCERY_BASE_URL", "CHANCERY__BASE_URL"),
        ("CHANCERY_PASSPHRASE", "CHANCERY__KEYS__PASSPHRASE"),
        ("CHANCERY_LISTEN_HTPS", "CHANCERY__LISTEN__HTTPS"),
    ] {
        let warning = warnings(name);
        assert!(warning.contains(name) && warning.contains(&format!("{near},")), "{name}: {warning}");
    }
    for foreign in ["CHANCERY_TEST_KILLS", "CHANCERY_NOT_OURS", "CHANCERYX", "OTHER_DATABASE_URL"] {
        assert_eq!(warnings(foreign), "", "{foreign}");
    }
    let error = fault("", &[("CHANCERY__DATABASE_URL", "x")]);
    assert!(error.contains("did you mean CHANCERY__DATABASE__URL?"), "{error}");
}

#[test]
fn wrong_variables_are_named() {
    let error = fault("", &[("CHANCERY__LISTEN__HTTSP", "x")]);
    assert!(
        error.contains("CHANCERY__LISTEN__HTTSP") && error.contains("did you mean CHANCERY__LISTEN__HTTPS?"),
        "{error}"
    );
    let error = fault("", &[("CHANCERY__DATABASE__READERS", "many")]);
    assert!(error.contains("database.readers") && error.contains("many"), "{error}");
}

#[test]
fn proxies_are_addresses_and_networks() {
    let proxies =
        |texts: &[&str]| Proxies { trusted: texts.iter().map(|&text| text.to_owned()).collect(), ..Proxies::default() };
    let networks = proxies(&["192.0.2.1", "10.0.0.0/8", "2001:db8::/32", "::1"]).networks().unwrap();
    let shown: Vec<_> = networks.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["192.0.2.1/32", "10.0.0.0/8", "2001:db8::/32", "::1/128"]);
}

#[test]
fn a_resolver_is_named_by_address_or_name() {
    for (text, again) in [
        ("127.0.0.1:8053", "127.0.0.1:8053"),
        ("192.0.2.53", "192.0.2.53:53"),
        ("::1", "[::1]:53"),
        ("[::1]:5353", "[::1]:5353"),
        ("localhost:53", "localhost:53"),
    ] {
        assert_eq!(text.parse::<Resolver>().unwrap().to_string(), again);
    }
    for text in ["dns.example", "dns.example:0", "dns.example:70000", ":53", "a b:53", "udp://192.0.2.1:53"] {
        text.parse::<Resolver>().expect_err(text);
    }
}

#[test]
fn a_perspective_hides_its_password() {
    let text = "far resolver=192.0.2.53:53 proxy=http://ra:tiger@10.0.0.1:3128/";
    let perspective: Perspective = text.parse().unwrap();
    assert_eq!(perspective.proxy.as_ref().unwrap().password(), Some("tiger"));
    assert_eq!(perspective.to_string(), text.replace("tiger", "***"));
    assert!(!format!("{perspective:?}").contains("tiger"));
}

#[test]
fn a_missing_file_is_told() {
    let error = load(Some(std::path::Path::new("/nowhere/chancery.toml")), [], Overrides::new()).unwrap_err();
    assert!(error.to_string().contains("/nowhere/chancery.toml"), "{error}");
}

#[test]
fn secrets_are_read_and_never_shown() {
    let file = "[keys]\npassphrase = 'tiger'\n[database]\nurl = 'postgres://ra:lion@db.example/ra?sslpassword=puma'";
    let settings = loaded(file, &[], Overrides::new()).unwrap().settings;
    assert_eq!(settings.keys.passphrase.get().unwrap().expose_secret(), "tiger");
    assert_eq!(settings.database.url.get(), Some("postgres://ra:lion@db.example/ra?sslpassword=puma"));
    let shown = [
        toml::to_string(&settings).unwrap(),
        serde_json::to_string(&settings).unwrap(),
        format!("{settings:?}"),
        settings.database.url.to_string(),
    ];
    for text in shown {
        for secret in ["tiger", "lion", "puma"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn a_passphrase_of_digits_stays_as_it_is() {
    let settings = loaded("", &[("CHANCERY__KEYS__PASSPHRASE", "0042")], Overrides::new()).unwrap().settings;
    assert_eq!(settings.keys.passphrase.get().unwrap().expose_secret(), "0042");
}

/// PR-04: a file that others can read is no place for a secret.
#[test]
fn an_open_file_with_a_secret_is_warned_of() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let warnings = |text: &str, mode: u32| {
        std::fs::write(file.path(), text).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        load(Some(file.path()), [], Overrides::new()).unwrap().warnings
    };
    let secret = "[keys]\npassphrase = 'tiger'";
    let warning = warnings(secret, 0o644).join("\n");
    assert!(warning.contains("chmod 600") && warning.contains("0644"), "{warning}");
    assert!(!warnings("[database]\nurl = 'postgres://ra:lion@db/ra'", 0o640).is_empty());
    assert!(warnings(secret, 0o600).is_empty());
    assert!(warnings("[database]\nurl = 'postgres://ra@db/ra'", 0o644).is_empty());
}

#[test]
fn passwords_are_taken_out_of_urls() {
    for (url, text) in [
        ("postgres://ra:x@db/ra", "postgres://ra:***@db/ra"),
        ("postgres://ra@db/ra", "postgres://ra@db/ra"),
        (
            "postgres://db/ra?user=a&password=x&connect_timeout=3",
            "postgres://db/ra?user=a&password=***&connect_timeout=3",
        ),
        ("postgres://ra:x@[::1]:5432/ra", "postgres://ra:***@[::1]:5432/ra"),
        ("postgres://ra:a@b@db/ra", "postgres://ra:***@db/ra"),
        ("sqlite:///var/lib/chancery.db", "sqlite:///var/lib/chancery.db"),
    ] {
        assert_eq!(shown(url), text);
    }
}

#[test]
fn a_password_with_any_character_is_hidden() {
    for password in ["li/on", "li?on", "li@on", "li#on", "li:on", "/lion", "lion@", "a/b?password=lion", "li&on=?"] {
        for tail in ["db.example/ra", "db.example:5432/ra?sslmode=require"] {
            let url = DatabaseUrl::of(format!("postgres://ra:{password}@{tail}"));
            assert!(url.has_password());
            let text = url.to_string();
            assert!(text.starts_with("postgres://ra:***@"), "{text}");
            assert!(!text.contains("li") && !text.contains("on@") && !text.contains("lion"), "{text}");
        }
    }
    for url in [
        "postgres://ra@db.example:5432/ra?password=a@lion&sslmode=require",
        "postgres://db.example/ra?user=ra&password=a@lion",
        "postgres://ra:puma@db.example/ra?password=a@lion",
        "postgres://ra@db.example/ra?pass%77ord=lion",
        "host=db.example password=lion",
    ] {
        assert!(!shown(url).contains("lion") && !shown(url).contains("puma"), "{}", shown(url));
    }
    for plain in ["postgres://db.example:5432/ra", "postgres://ra@db.example/ra", "sqlite:///srv/a:b@c/d.db"] {
        assert_eq!(shown(plain), plain);
    }
}

#[test]
fn durations_are_read_as_people_write_them() {
    for (text, millis, again) in [
        ("500 ms", 500, "500 ms"),
        ("10s", 10_000, "10 s"),
        ("1 h 30 min", 5_400_000, "90 min"),
        ("2 w", 14 * 86_400_000, "14 d"),
        ("365 d", 365 * 86_400_000, "1 y"),
        ("0 s", 0, "0 s"),
    ] {
        let span: Span = text.parse().unwrap();
        assert_eq!(span.0.as_millis(), millis, "{text}");
        assert_eq!(span.to_string(), again);
        assert_eq!(again.parse::<Span>().unwrap(), span);
    }
    for text in ["", " ", "10", "d", "-1 d", "1.5 h", "10 parsecs", "99999999999999999999 s", "2000 y"] {
        text.parse::<Span>().expect_err(text);
    }
}
