//! `chancery doctor`, the part that needs no server: configuration, folder, passphrase, disk. The rest is asked of the
//! installation itself.

use std::path::Path;
use std::process::ExitCode;

use super::{Ended, ask, checked, write_out};
use crate::cli::{Json, Place};
use crate::command::doctor::Diagnosis;
use crate::command::{Answer, Command};
use crate::config::Settings;
use crate::data_folder::{DataFolder, FolderError};
use crate::passphrase::Passphrase;

/// A disk with less room than this fills within days.
const ROOM: u64 = 1 << 30;
/// A disk with less room than this is full.
const NO_ROOM: u64 = 64 << 20;

/// Look at everything, stop where nothing more can be seen, and print it all.
pub(super) fn doctor(place: &Place, json: Json) -> Result<ExitCode, Ended> {
    let mut diagnosis = Diagnosis::default();
    if let Some(settings) = configuration(&mut diagnosis, place)
        && let Some(folder) = folder(&mut diagnosis, &settings)
    {
        passphrase(&mut diagnosis, &settings, &folder);
        disk(&mut diagnosis, folder.path());
        match folder.lock() {
            Err(FolderError::InUse { holder, .. }) => diagnosis.ok("server", format!("runs (pid {holder})")),
            Ok(_) => diagnosis.warning("server", "none runs on this data folder", "`chancery serve` starts it"),
            Err(error) => diagnosis.wrong("server", error.to_string(), ""),
        }
        match ask(place, Command::Doctor) {
            Ok(Answer::Diagnosis(more)) => diagnosis.findings.extend(more.findings),
            Ok(_) => diagnosis.wrong(
                "installation",
                "the server gave another answer",
                "have server and command be of one version",
            ),
            Err(ended) => diagnosis.wrong("installation", ended.failure.message, ""),
        }
    }
    let answer = Answer::Diagnosis(diagnosis);
    write_out(&if json.json { answer.json() } else { answer.text().0 });
    Ok(ExitCode::from(answer.exit_code()))
}

fn configuration(diagnosis: &mut Diagnosis, place: &Place) -> Option<Settings> {
    match checked(place) {
        Ok(loaded) => {
            let file = loaded.file.as_ref().map_or("defaults".to_owned(), |file| file.display().to_string());
            diagnosis.ok("configuration", file);
            for warning in loaded.warnings {
                diagnosis.warning("configuration", warning, "");
            }
            Some(loaded.settings)
        }
        Err(ended) => {
            diagnosis.wrong("configuration", ended.failure.message, "`chancery config example` shows every key");
            None
        }
    }
}

fn folder(diagnosis: &mut Diagnosis, settings: &Settings) -> Option<DataFolder> {
    match DataFolder::open(&settings.data) {
        Ok(folder) => {
            diagnosis.ok("data folder", folder.path().display().to_string());
            Some(folder)
        }
        Err(error) => {
            // The text says how to mend it.
            diagnosis.wrong("data folder", error.to_string(), "");
            None
        }
    }
}

fn passphrase(diagnosis: &mut Diagnosis, settings: &Settings, folder: &DataFolder) {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
    match Passphrase::find(&settings.keys, credentials.as_deref().map(Path::new), folder) {
        Ok(Some(passphrase)) => match passphrase.warning(folder) {
            Some(warning) => diagnosis.warning("passphrase", warning, ""),
            None => diagnosis.ok("passphrase", "given from outside the data folder"),
        },
        Ok(None) => diagnosis.warning("passphrase", "none yet", "the first start makes one in the data folder"),
        Err(error) => diagnosis.wrong("passphrase", error.to_string(), ""),
    }
}

fn disk(diagnosis: &mut Diagnosis, path: &Path) {
    match rustix::fs::statvfs(path) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let found = format!("{} MiB free at {}", free >> 20, path.display());
            match free {
                free if free < NO_ROOM => diagnosis.wrong("disk", found, "make room: writes fail when it is full"),
                free if free < ROOM => diagnosis.warning("disk", found, "make room before it is full"),
                _ => diagnosis.ok("disk", found),
            }
        }
        Err(error) => diagnosis.warning("disk", format!("its room cannot be told: {error}"), ""),
    }
}
