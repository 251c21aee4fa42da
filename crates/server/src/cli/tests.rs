use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn every_fixed_flag_of_serve_is_taken() {
    let cli = parse(
        "chancery serve --data d --https 127.0.0.1:0 --mtls 127.0.0.1:0 --http [::1]:0 --base-url https://ra.example \
         --status-url http://ra.example --config f.toml --database sqlite:///x.db",
    )
    .unwrap();
    let Verb::Serve(serve) = &cli.command else { panic!("{:?}", cli.command) };
    assert_eq!(
        serve.overrides(),
        [
            ("listen.https", "127.0.0.1:0".to_owned()),
            ("listen.mtls", "127.0.0.1:0".to_owned()),
            ("listen.http", "[::1]:0".to_owned()),
            ("base_url", "https://ra.example/".to_owned()),
            ("status_url", "http://ra.example/".to_owned()),
        ]
    );
    assert_eq!(cli.place.overrides(), [("data", "d".to_owned()), ("database.url", "sqlite:///x.db".to_owned())]);
    assert_eq!(cli.place.config, Some("f.toml".into()));
}

#[test]
fn the_place_may_stand_before_or_after_the_command() {
    for line in ["chancery --data d token list", "chancery token --data d list", "chancery token list --data d"] {
        assert_eq!(parse(line).unwrap().place.data, Some("d".into()), "{line}");
    }
}

#[test]
fn the_fixed_commands_are_taken() {
    for line in [
        "chancery token create --role requester --data d",
        "chancery token create --role operator --profile tls-server --profile device --data d",
        "chancery profile list --json --data d",
        "chancery audit verify --json",
        "chancery init --key-type p-384",
        "chancery migrate",
        "chancery ca export default",
        "chancery cert issue --profile tls-server --csr -",
        "chancery cert revoke 0190b1c8-0000-7000-8000-000000000000 --reason keyCompromise",
        "chancery config show --json",
    ] {
        parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

#[test]
fn wrong_lines_are_refused_with_what_is_wrong() {
    for (line, says) in [
        ("chancery", "Usage"),
        ("chancery fly", "unrecognized subcommand 'fly'"),
        ("chancery serve --https somewhere", "invalid value 'somewhere' for '--https <ADDR>'"),
        ("chancery serve --base-url nonsense", "invalid value 'nonsense' for '--base-url <URL>'"),
        ("chancery serve extra", "unexpected argument 'extra'"),
        ("chancery token create", "--role <ROLE>"),
        ("chancery token create --role king", "one of requester, operator, auditor, administrator"),
        ("chancery token create --role auditor --lifetime soon", "is not a duration"),
        ("chancery token revoke x", "invalid value 'x'"),
        ("chancery cert issue --csr x", "--profile <PROFILE>"),
        ("chancery cert revoke 0190b1c8-0000-7000-8000-000000000000 --reason boredom", "invalid value 'boredom'"),
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        assert!(error.to_string().contains(says), "{line}: {error}");
    }
}
