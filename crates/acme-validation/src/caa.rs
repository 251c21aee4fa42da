//! CAA: RFC 8659, with the parameters of RFC 8657.

use chancery_acme::ProblemType;
use chancery_acme::port::{AttemptFailed, CaaQuestion};

use crate::issue_value::IssueValue;
use crate::resolver::Resolver;
use crate::{final_failure, passing_failure};

/// A CAA record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CaaRecord {
    pub critical: bool,
    pub tag: String,
    pub value: Vec<u8>,
}

/// The tags whose meaning is known: the last two restrict nothing that is issued here.
const KNOWN: [&str; 4] = ["issue", "issuewild", "iodef", "issuemail"];

/// Climb to the closest name that has records (RFC 8659 section 3) and judge them. A question without an answer forbids: the
/// records that it hides may.
///
/// # Errors
/// `caa` when they do not allow it, `dns` when they could not be read.
pub(crate) async fn ask(resolver: &Resolver, question: &CaaQuestion) -> Result<(), AttemptFailed> {
    let mut name = question.name.as_str();
    while !name.is_empty() {
        let records = resolver.caa(name).await.map_err(|why| {
            let detail =
                format!("no CAA records of {name}, so that nothing may be issued for {}: {why}", question.name);
            passing_failure(ProblemType::Dns, detail)
        })?;
        if !records.is_empty() {
            return judge(&records, question).map_err(|why| {
                let detail = format!("the CAA records of {name} forbid a certificate for {}: {why}", question.name);
                final_failure(ProblemType::Caa, detail)
            });
        }
        name = name.split_once('.').map_or("", |(_, parent)| parent);
    }
    Ok(())
}

/// Whether the relevant records allow it; why not.
pub(crate) fn judge(records: &[CaaRecord], question: &CaaQuestion) -> Result<(), String> {
    let is = |record: &CaaRecord, tag: &str| record.tag.eq_ignore_ascii_case(tag);
    // RFC 8659 section 4.1: the critical flag.
    if let Some(odd) = records.iter().find(|record| record.critical && !KNOWN.iter().any(|tag| is(record, tag))) {
        let tag: String = odd.tag.chars().take(32).collect();
        return Err(format!("the property {tag:?} is critical, and not known here"));
    }
    // Section 4.3: for a wildcard, issuewild alone counts where there is any.
    let wild = question.wildcard && records.iter().any(|record| is(record, "issuewild"));
    let tag = if wild { "issuewild" } else { "issue" };
    let mut why = None;
    for record in records.iter().filter(|record| is(record, tag)) {
        match allows(&record.value, question) {
            Ok(()) => return Ok(()),
            // What is closest to allowing is told.
            Err(refusal) if why.as_ref().is_none_or(|known| refusal > *known) => why = Some(refusal),
            Err(_) => {}
        }
    }
    // Without any such property nothing is restricted.
    why.map_or(Ok(()), |why| Err(why.told(tag, question)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Refusal {
    Malformed,
    Issuer,
    Account,
    Method,
}

impl Refusal {
    fn told(self, tag: &str, question: &CaaQuestion) -> String {
        match self {
            Self::Malformed => format!("no {tag} property can be understood"),
            Self::Issuer if question.issuer_domains.is_empty() => {
                format!("their {tag} names an issuer, and this server has no issuer domain name of its own")
            }
            Self::Issuer => format!("no {tag} property names {}", question.issuer_domains.join(" or ")),
            Self::Account => {
                format!("{tag} asks for another accounturi than {} (RFC 8657 section 3)", question.account_url)
            }
            Self::Method => {
                format!("{tag} does not list {} in validationmethods (RFC 8657 section 4)", question.method)
            }
        }
    }
}

fn allows(value: &[u8], question: &CaaQuestion) -> Result<(), Refusal> {
    let value = IssueValue::parse(value).map_err(|_| Refusal::Malformed)?;
    if !value.names(&question.issuer_domains) {
        return Err(Refusal::Issuer);
    }
    // A parameter that comes twice can be met by nothing.
    let account = value.parameter("accounturi").map_err(|_| Refusal::Account)?;
    if account.is_some_and(|account| account != question.account_url) {
        return Err(Refusal::Account);
    }
    let methods = value.parameter("validationmethods").map_err(|_| Refusal::Method)?;
    if methods.is_some_and(|methods| !methods.split(',').any(|method| method == question.method.as_str())) {
        return Err(Refusal::Method);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
