//! DNS questions. Nothing is cached: what is asked is what is there now.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use crate::ConfigError;
use crate::caa::CaaRecord;

/// How long the second of A and AAAA may lag behind the first that has addresses.
const LAG: Duration = Duration::from_millis(500);
/// More addresses of a name are not tried.
const MOST_ADDRESSES: usize = 16;

/// Asks one server, or the system's.
#[derive(Clone)]
pub(crate) struct Resolver(TokioResolver);

/// A question without an answer. No such name, and no such records, is an answer: an empty one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("the resolver answered {0}")]
    Code(String),
    #[error("the resolver did not answer in time")]
    Timeout,
    #[error("the resolver gave no usable answer")]
    Broken,
    #[error("it cannot be asked for: it is no DNS name")]
    BadName,
}

impl Resolver {
    /// Over the system's settings (resolv.conf and the hosts file); a system without them has its resolver on loopback, as
    /// resolv.conf(5) says.
    pub fn system(timeout: Duration) -> Result<Self, ConfigError> {
        let config = match hickory_resolver::system_conf::read_system_conf() {
            Ok((config, _)) => ResolverConfig::from_parts(None, Vec::new(), config.name_servers().to_vec()),
            Err(error) => {
                tracing::warn!(%error, "no usable resolv.conf: DNS questions of ACME go to 127.0.0.1:53");
                to_server(SocketAddr::from((Ipv4Addr::LOCALHOST, 53)))
            }
        };
        Self::build(config, timeout, ResolveHosts::Always)
    }

    /// Over one server.
    pub fn at(server: SocketAddr, timeout: Duration) -> Result<Self, ConfigError> {
        Self::build(to_server(server), timeout, ResolveHosts::Never)
    }

    fn build(config: ResolverConfig, timeout: Duration, hosts: ResolveHosts) -> Result<Self, ConfigError> {
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let options: &mut ResolverOpts = builder.options_mut();
        options.timeout = timeout;
        options.attempts = 1;
        options.cache_size = 0;
        options.use_hosts_file = hosts;
        options.try_tcp_on_error = false;
        builder.build().map(Self).map_err(|error| ConfigError::Setup(format!("the resolver: {error}")))
    }

    /// The addresses of a name, IPv6 first; at most 16.
    ///
    /// # Errors
    /// Neither kind of address could be asked for.
    pub async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, NoAnswer> {
        let six = self.records(name, RecordType::AAAA);
        let four = self.records(name, RecordType::A);
        tokio::pin!(six, four);
        let (six, four) = tokio::select! {
            six = &mut six => {
                let four = if has_some(&six) { within(LAG, four).await } else { four.await };
                (six, four)
            }
            four = &mut four => {
                let six = if has_some(&four) { within(LAG, six).await } else { six.await };
                (six, four)
            }
        };
        let found = |records: &Result<Vec<RData>, NoAnswer>| records.clone().unwrap_or_default();
        let addresses: Vec<IpAddr> = found(&six).iter().chain(&found(&four)).filter_map(RData::ip_addr).collect();
        if addresses.is_empty() {
            four?;
            six?;
        }
        Ok(addresses.into_iter().take(MOST_ADDRESSES).collect())
    }

    /// The texts of a name, the strings of each record put together (RFC 7208 section 3.3 does so too).
    ///
    /// # Errors
    /// No answer.
    pub async fn texts(&self, name: &str) -> Result<Vec<Vec<u8>>, NoAnswer> {
        Ok(texts(&self.records(name, RecordType::TXT).await?))
    }

    /// The CAA records of exactly this name (its aliases followed).
    ///
    /// # Errors
    /// No answer.
    pub async fn caa(&self, name: &str) -> Result<Vec<CaaRecord>, NoAnswer> {
        Ok(caa_records(&self.records(name, RecordType::CAA).await?))
    }

    async fn records(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, NoAnswer> {
        let mut name = Name::from_ascii(name).map_err(|_| NoAnswer::BadName)?;
        // Never to the system's search list.
        name.set_fqdn(true);
        match self.0.lookup(name, kind).await {
            Ok(found) => match found.message().response_code {
                ResponseCode::NoError | ResponseCode::NXDomain => {
                    Ok(found.answers().iter().map(|record| record.data.clone()).filter(|data| is(data, kind)).collect())
                }
                code => Err(NoAnswer::Code(code.to_string())),
            },
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => match none.response_code {
                ResponseCode::NoError | ResponseCode::NXDomain => Ok(Vec::new()),
                code => Err(NoAnswer::Code(code.to_string())),
            },
            Err(NetError::Dns(DnsError::ResponseCode(code))) => Err(NoAnswer::Code(code.to_string())),
            Err(NetError::Timeout) => Err(NoAnswer::Timeout),
            Err(error) => {
                tracing::debug!(%error, "a DNS question failed");
                Err(NoAnswer::Broken)
            }
        }
    }
}

fn to_server(server: SocketAddr) -> ResolverConfig {
    let mut config = NameServerConfig::udp_and_tcp(server.ip());
    for connection in &mut config.connections {
        connection.port = server.port();
    }
    ResolverConfig::from_name_servers(vec![config])
}

fn has_some(answer: &Result<Vec<RData>, NoAnswer>) -> bool {
    answer.as_ref().is_ok_and(|records| !records.is_empty())
}

async fn within(
    time: Duration,
    answer: impl Future<Output = Result<Vec<RData>, NoAnswer>>,
) -> Result<Vec<RData>, NoAnswer> {
    tokio::time::timeout(time, answer).await.unwrap_or(Err(NoAnswer::Timeout))
}

fn is(data: &RData, kind: RecordType) -> bool {
    data.record_type() == kind
}

pub(crate) fn texts(records: &[RData]) -> Vec<Vec<u8>> {
    let text = |data: &RData| match data {
        RData::TXT(text) => Some(text.txt_data.concat()),
        _ => None,
    };
    records.iter().filter_map(text).collect()
}

pub(crate) fn caa_records(records: &[RData]) -> Vec<CaaRecord> {
    let record = |data: &RData| match data {
        RData::CAA(caa) => {
            Some(CaaRecord { critical: caa.issuer_critical, tag: caa.tag.clone(), value: caa.value.clone() })
        }
        _ => None,
    };
    records.iter().filter_map(record).collect()
}

#[cfg(test)]
mod tests;
