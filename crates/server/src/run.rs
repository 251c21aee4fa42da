//! From the command line to an exit code: 0 done, 1 refused or failed, 2 wrong command line or configuration.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{CommandFactory, Parser};

use crate::cli::{Cli, ConfigVerb, Init, Json, Place, Verb};
use crate::command::{Answer, Command, Failure, approval, audit, ca, cert, profile, token, user};
use crate::config::{ConfigError, EXAMPLE, Inspected, Loaded, Overrides, Settings, inspect, load, shown};
use crate::data_folder::{DataFolder, FolderError};
use crate::node::{self, Addresses, Node, OldSchema};
use crate::{banner, blocked, control, log, passphrase, serve};

mod doctor;

/// How long a command waits for a server that is starting or stopping.
const PATIENCE: Duration = Duration::from_secs(15);

/// The binary: arguments of the process, exit code of the process.
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

/// Run with these arguments, the first of which is the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match dispatch(cli) {
        Ok(code) => code,
        Err(Ended { failure, code }) => {
            log::flush(Duration::from_secs(1));
            let _ = writeln!(std::io::stderr(), "error: {}", failure.message);
            ExitCode::from(code)
        }
    }
}

/// A failure and its exit code.
struct Ended {
    failure: Failure,
    code: u8,
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self { failure, code: 1 }
    }
}

impl From<FolderError> for Ended {
    fn from(error: FolderError) -> Self {
        Failure::from(error).into()
    }
}

fn dispatch(cli: Cli) -> Result<ExitCode, Ended> {
    let Cli { place, command } = cli;
    match command {
        Verb::Serve(flags) => {
            let loaded = settings(&place, flags.overrides())?;
            log::start(&loaded.settings.log);
            let served = runtime()?.block_on(serve::serve(loaded));
            log::flush(Duration::from_secs(1));
            served?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Init(flags) => init(&place, &flags),
        Verb::Migrate(json) => migrate(&place, json),
        Verb::Config(verb) => config(&place, verb),
        Verb::Token(token::Verb::Create(args)) => execute(&place, args.json, Command::TokenCreate(args.create)),
        Verb::Token(token::Verb::List(json)) => execute(&place, json, Command::TokenList),
        Verb::Token(token::Verb::Revoke(args)) => execute(&place, args.json, Command::TokenRevoke(args.revoke)),
        Verb::User(user::Verb::Add(args)) => execute(&place, args.json, Command::UserAdd(args.read()?)),
        Verb::User(user::Verb::List(json)) => execute(&place, json, Command::UserList),
        Verb::User(user::Verb::Enable(args)) => execute(&place, args.json, Command::UserEnable(args.which)),
        Verb::User(user::Verb::Disable(args)) => execute(&place, args.json, Command::UserDisable(args.which)),
        Verb::User(user::Verb::Delete(args)) => execute(&place, args.json, Command::UserDelete(args.which)),
        Verb::Profile(profile::Verb::List(json)) => execute(&place, json, Command::ProfileList),
        Verb::Profile(profile::Verb::Show(args)) => execute(&place, args.json, Command::ProfileShow(args.which)),
        Verb::Profile(profile::Verb::Enable(args)) => execute(&place, args.json, Command::ProfileEnable(args.which)),
        Verb::Profile(profile::Verb::Disable(args)) => execute(&place, args.json, Command::ProfileDisable(args.which)),
        Verb::Profile(profile::Verb::Create(args)) => execute(&place, args.json, Command::ProfileCreate(args.read()?)),
        Verb::Profile(profile::Verb::Edit(args)) => execute(&place, args.json, Command::ProfileEdit(args.read()?)),
        Verb::Ca(ca::Verb::List(json)) => execute(&place, json, Command::CaList),
        Verb::Ca(ca::Verb::Show(args)) => {
            let which = ca::Which { authority: args.authority, chain: true };
            execute(&place, args.json, Command::CaShow(which))
        }
        Verb::Ca(ca::Verb::Create(args)) => execute(&place, args.json, Command::CaCreate(args.create)),
        Verb::Ca(ca::Verb::Export(args)) => {
            let which = ca::Which { authority: args.authority, chain: args.chain };
            execute(&place, args.json, Command::CaExport(which))
        }
        Verb::Cert(cert::Verb::Issue(args)) => {
            let json = args.json;
            execute(&place, json, Command::CertIssue(args.read()?))
        }
        Verb::Cert(cert::Verb::List(args)) => execute(&place, args.json, Command::CertList(args.list)),
        Verb::Cert(cert::Verb::Show(args)) if args.pem => {
            let answer = ask(&place, Command::CertShow(args.which))?;
            let pem = match &answer {
                Answer::Certificate(certificate) => certificate.pem(),
                _ => None,
            };
            write_out(pem.ok_or_else(|| Failure::new("this certificate object holds no certificate yet"))?);
            Ok(ExitCode::SUCCESS)
        }
        Verb::Cert(cert::Verb::Show(args)) => execute(&place, args.json, Command::CertShow(args.which)),
        Verb::Cert(cert::Verb::Revoke(args)) => execute(&place, args.json, Command::CertRevoke(args.revoke)),
        Verb::Approval(approval::Verb::List(args)) => execute(&place, args.json, Command::ApprovalList(args.list)),
        Verb::Approval(approval::Verb::Approve(args)) => {
            execute(&place, args.json, Command::ApprovalApprove(args.decide))
        }
        Verb::Approval(approval::Verb::Reject(args)) => {
            execute(&place, args.json, Command::ApprovalReject(args.decide))
        }
        Verb::Acme(verb) => {
            let (command, json) = verb.read()?;
            execute(&place, json, Command::Acme(command))
        }
        Verb::Scep(verb) => {
            let (command, json) = verb.read()?;
            execute(&place, json, Command::Scep(command))
        }
        Verb::Doctor(json) => doctor::doctor(&place, json),
        Verb::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "chancery", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Verb::Man { folder } => {
            clap_mangen::generate_to(Cli::command(), &folder)
                .map_err(|error| Failure::new(format!("cannot write the manual into {}: {error}", folder.display())))?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Est(verb) => {
            let (command, json) = verb.read()?;
            execute(&place, json, Command::Est(command))
        }
        Verb::Audit(audit::Verb::Verify(json)) => execute(&place, json, Command::AuditVerify),
        Verb::Audit(audit::Verb::List(args)) => execute(&place, args.json, Command::AuditList(args.list)),
    }
}

/// Read the configuration, which must be right.
fn settings(place: &Place, more: Overrides) -> Result<Loaded, Ended> {
    let (file, overrides) = sources(place, more);
    load(file.as_deref(), std::env::vars_os(), overrides).map_err(wrong)
}

fn wrong(error: ConfigError) -> Ended {
    Ended { failure: error.into(), code: 2 }
}

/// The named file, or `chancery.toml` of the data folder when it is there; and what the command line says.
fn sources(place: &Place, more: Overrides) -> (Option<PathBuf>, Overrides) {
    let data = place
        .data
        .clone()
        .or_else(|| std::env::var_os("CHANCERY__DATA").map(PathBuf::from))
        .unwrap_or_else(|| Settings::default().data);
    let file = place.config.clone().or_else(|| Some(data.join("chancery.toml")).filter(|file| file.is_file()));
    let mut overrides = place.overrides();
    overrides.extend(more);
    (file, overrides)
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    // Requests have threads of their own; what is left is background work.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(8)
        .build()
        .map_err(|error| Failure::new(format!("cannot start the runtime: {error}")))
}

fn execute(place: &Place, json: Json, command: Command) -> Result<ExitCode, Ended> {
    let answer = ask(place, command)?;
    if json.json {
        write_out(&answer.json());
    } else {
        let (out, note) = answer.text();
        write_out(&out);
        let _ = std::io::stderr().write_all(note.as_bytes());
    }
    Ok(ExitCode::from(answer.exit_code()))
}

fn write_out(text: &str) {
    let mut out = std::io::stdout().lock();
    // A reader that has gone (`| head`) wants no more of it.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Have the running server execute it, or do it here when none runs.
fn ask(place: &Place, command: Command) -> Result<Answer, Ended> {
    let loaded = settings(place, Overrides::new())?;
    quiet_log(&loaded);
    let folder = DataFolder::open(&loaded.settings.data)?;
    let database = loaded.settings.database.url.get().map(|url| shown(&node::absolute(url)));
    Ok(runtime()?.block_on(async {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(reply) = control::ask(&folder, &command, database.as_deref()).await? {
                return reply;
            }
            match folder.lock() {
                Ok(lock) => {
                    let old_schema = if command.only_reads() { OldSchema::Refuse } else { OldSchema::Migrate };
                    let node = if command.is_audit() {
                        Node::open_without_keys(&loaded.settings, folder, lock, old_schema).await?
                    } else {
                        let addresses = offline_addresses(&loaded.settings, &folder)?;
                        Node::open(&loaded.settings, folder, lock, old_schema, &addresses).await?
                    };
                    return command.execute(&node, rustix::process::geteuid().as_raw()).await;
                }
                // A server that starts or stops: it holds the folder and does not answer.
                Err(FolderError::InUse { .. }) if Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    })?)
}

/// Commands say what they have to say themselves; only what is worse than a hint goes to the log.
fn quiet_log(loaded: &Loaded) {
    let level =
        if loaded.settings.log.level == Settings::default().log.level { "error" } else { &loaded.settings.log.level };
    log::start(&crate::config::Log { format: loaded.settings.log.format, level: level.to_owned() });
    warn(&loaded.warnings);
}

fn warn(warnings: &[String]) {
    for warning in warnings {
        let _ = writeln!(std::io::stderr(), "warning: {warning}");
    }
}

/// By what addresses the world will come, when no server runs that knows: as configured, as signed last, or by default.
fn offline_addresses(settings: &Settings, folder: &DataFolder) -> Result<Addresses, Failure> {
    Ok(Addresses {
        base_url: node::base_url(settings, || format!("https://{}", settings.listen.https)),
        est_url: node::est_url(settings, settings.listen.mtls),
        status_url: node::status_url(settings, folder, format!("http://{}", settings.listen.http))?,
    })
}

fn init(place: &Place, flags: &Init) -> Result<ExitCode, Ended> {
    let loaded = settings(place, flags.overrides())?;
    quiet_log(&loaded);
    let settings = &loaded.settings;
    let folder = DataFolder::make(&settings.data)?;
    let lock = folder.lock()?;
    runtime()?.block_on(async {
        let addresses = offline_addresses(settings, &folder)?;
        let node = Node::open(settings, folder.clone(), lock, OldSchema::Migrate, &addresses).await?;
        if !node.first_start(settings).await? {
            return Err(Ended::from(Failure::new(format!(
                "the database {} has its authority already: `chancery ca create` makes another one, `chancery serve` \
                 serves this one",
                node.database
            ))));
        }
        let authority = node.own_authority(settings)?;
        let root = banner::RootShown::of(&authority);
        let file = folder.write("root.pem", root.pem.as_bytes(), 0o644)?;
        if flags.json.json {
            let value = serde_json::json!({
                "authorityUuid": authority.id,
                "authorityName": authority.name,
                "rootPem": file,
                "rootSha256": root.sha256,
                "adminTokenFile": folder.file("admin-token"),
                "database": node.database,
            });
            write_out(&format!("{value:#}\n"));
        } else {
            write_out(&format!(
                "authority   {} ({})\nroot        {}\n            SHA-256 {}\ntoken       {} (administrator, for 24 \
                 hours)\ndatabase    {}\n\nNext: chancery serve --data {}\n",
                authority.name,
                authority.id,
                file.display(),
                banner::colons(&root.sha256),
                folder.file("admin-token").display(),
                node.database,
                settings.data.display(),
            ));
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn migrate(place: &Place, json: Json) -> Result<ExitCode, Ended> {
    let loaded = settings(place, Overrides::new())?;
    quiet_log(&loaded);
    let folder = DataFolder::make(&loaded.settings.data)?;
    let lock = folder.lock()?;
    let node = runtime()?.block_on(Node::open_without_keys(&loaded.settings, folder, lock, OldSchema::Migrate))?;
    if json.json {
        write_out(&format!("{:#}\n", serde_json::json!({ "database": node.database, "upToDate": true })));
    } else {
        write_out(&format!("the schema of {} is up to date\n", node.database));
    }
    Ok(ExitCode::SUCCESS)
}

/// Every fault of the configuration and of the files that it names, at once; warnings come before them.
fn checked(place: &Place) -> Result<Loaded, Ended> {
    let (file, overrides) = sources(place, Overrides::new());
    let mut inspected = inspect(file.as_deref(), std::env::vars_os(), overrides).map_err(wrong)?;
    let keys = inspected.loaded.settings.keys.clone();
    if let Err(errors) = blocked::key_checks(&keys) {
        for error in errors.0 {
            inspected.add("keys.blocked", error);
        }
    }
    match passphrase::check(&keys) {
        Ok(warning) => inspected.loaded.warnings.extend(warning),
        Err(error) => inspected.add("keys.passphrase_file", error),
    }
    let Inspected { loaded, faults, .. } = inspected;
    if faults.is_empty() {
        return Ok(loaded);
    }
    warn(&loaded.warnings);
    Err(wrong(ConfigError::Faults(faults)))
}

fn config(place: &Place, verb: ConfigVerb) -> Result<ExitCode, Ended> {
    if let ConfigVerb::Example = verb {
        write_out(EXAMPLE);
        return Ok(ExitCode::SUCCESS);
    }
    let loaded = match verb {
        ConfigVerb::Check => checked(place)?,
        ConfigVerb::Show(_) | ConfigVerb::Example => settings(place, Overrides::new())?,
    };
    warn(&loaded.warnings);
    match verb {
        ConfigVerb::Check | ConfigVerb::Example => match &loaded.file {
            Some(file) => write_out(&format!("{} is right\n", file.display())),
            None => write_out("no configuration file; environment and defaults are right\n"),
        },
        ConfigVerb::Show(Json { json: true }) => {
            let text = serde_json::to_string_pretty(&loaded.settings).map_err(|why| Failure::new(why.to_string()))?;
            write_out(&format!("{text}\n"));
        }
        ConfigVerb::Show(Json { json: false }) => {
            let text = toml::to_string_pretty(&loaded.settings).map_err(|why| Failure::new(why.to_string()))?;
            write_out(&text);
        }
    }
    Ok(ExitCode::SUCCESS)
}
