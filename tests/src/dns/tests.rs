use super::*;
use hickory_proto::op::{Edns, Query};

/// A query as bytes.
fn query(name: &str, kind: RecordType, payload: Option<u16>) -> Vec<u8> {
    let mut message = Message::query();
    message.add_query(Query::query(parse(name), kind));
    if let Some(payload) = payload {
        let mut edns = Edns::new();
        edns.set_max_payload(payload);
        message.set_edns(edns);
    }
    message.to_vec().unwrap()
}

fn over_udp(dns: &Dns, query: &[u8]) -> Option<Message> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    socket.send_to(query, dns.address()).unwrap();
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).ok()?;
    Some(Message::from_vec(&buffer[..length]).unwrap())
}

fn over_tcp(dns: &Dns, query: &[u8]) -> Message {
    let mut stream = TcpStream::connect(dns.address()).unwrap();
    stream.write_all(&[&u16::try_from(query.len()).unwrap().to_be_bytes(), query].concat()).unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer).unwrap();
    Message::from_vec(&answer).unwrap()
}

fn ask(dns: &Dns, name: &str, kind: RecordType) -> Message {
    over_udp(dns, &query(name, kind, None)).expect("an answer")
}

fn data(message: &Message) -> Vec<String> {
    message.answers.iter().map(|record| record.data.to_string()).collect()
}

#[test]
fn names_under_test_are_here_and_others_are_nowhere() {
    let dns = Dns::start();
    assert_eq!(data(&ask(&dns, "Some.Host.test", RecordType::A)), ["127.0.0.1"]);
    assert_eq!(data(&ask(&dns, "host.test", RecordType::AAAA)), [""; 0]);
    assert_eq!(ask(&dns, "host.test", RecordType::TXT).metadata.response_code, ResponseCode::NoError);
    assert_eq!(ask(&dns, "host.example", RecordType::A).metadata.response_code, ResponseCode::NXDomain);
    dns.addresses("host.test", &["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()]);
    assert_eq!(data(&ask(&dns, "host.test", RecordType::A)), ["192.0.2.1"]);
    assert_eq!(data(&ask(&dns, "host.test", RecordType::AAAA)), ["2001:db8::1"]);
    dns.clear("host.test");
    assert_eq!(data(&ask(&dns, "host.test", RecordType::A)), ["127.0.0.1"]);
    assert_eq!(dns.asked("host.test", "A"), 2);
}

#[test]
fn texts_come_from_tests_and_from_files() {
    let dns = Dns::start();
    dns.txt("_acme-challenge.host.test", "one");
    std::fs::write(dns.txt_folder().join("_acme-challenge.host.test"), "two\nthree\n").unwrap();
    assert_eq!(data(&ask(&dns, "_acme-challenge.HOST.test", RecordType::TXT)), ["one", "two", "three"]);
    dns.clear("_acme-challenge.host.test");
    assert_eq!(data(&ask(&dns, "_acme-challenge.host.test", RecordType::TXT)), [""; 0]);
}

#[test]
fn aliases_are_followed_and_end_in_loops() {
    let dns = Dns::start();
    dns.cname("_acme-challenge.host.test", "host.acme.example");
    dns.txt("host.acme.example", "there");
    let answer = ask(&dns, "_acme-challenge.host.test", RecordType::TXT);
    assert_eq!(data(&answer), ["host.acme.example.", "there"]);
    dns.cname("round.test", "about.test");
    dns.cname("about.test", "round.test");
    assert_eq!(ask(&dns, "round.test", RecordType::A).answers.len(), ALIASES);
}

#[test]
fn caa_records_are_what_was_set() {
    let dns = Dns::start();
    dns.caa("host.test", 128, "issue", "ca.example; validationmethods=dns-01");
    let answer = ask(&dns, "host.test", RecordType::CAA);
    let RData::CAA(caa) = &answer.answers[0].data else { panic!("{answer:?}") };
    assert!(caa.issuer_critical && caa.tag == "issue");
    assert_eq!(caa.value, b"ca.example; validationmethods=dns-01");
}

#[test]
fn rebinding_takes_turns_and_stays_with_the_last() {
    let dns = Dns::start();
    dns.addresses_in_turn("host.test", &[&["192.0.2.1".parse().unwrap()], &["127.0.0.1".parse().unwrap()]]);
    let turns: Vec<_> = (0..3).flat_map(|_| data(&ask(&dns, "host.test", RecordType::A))).collect();
    assert_eq!(turns, ["192.0.2.1", "127.0.0.1", "127.0.0.1"]);
}

#[test]
fn faults_are_as_ordered() {
    let dns = Dns::start();
    dns.fault("absent.test", Fault::Absent);
    dns.fault("failing.test", Fault::ServFail);
    dns.fault("silent.test", Fault::Silent);
    dns.fault_of("partly.test", "CAA", Fault::Refused);
    assert_eq!(ask(&dns, "absent.test", RecordType::A).metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(ask(&dns, "failing.test", RecordType::A).metadata.response_code, ResponseCode::ServFail);
    assert_eq!(ask(&dns, "partly.test", RecordType::CAA).metadata.response_code, ResponseCode::Refused);
    assert_eq!(data(&ask(&dns, "partly.test", RecordType::A)), ["127.0.0.1"]);
    assert!(over_udp(&dns, &query("silent.test", RecordType::A, None)).is_none());
    assert!(over_udp(&dns, b"no query").is_none());
}

#[test]
fn what_is_too_long_for_udp_comes_over_tcp() {
    let dns = Dns::start();
    let long = "x".repeat(700);
    dns.txt("long.test", &long);
    let short = ask(&dns, "long.test", RecordType::TXT);
    assert!(short.metadata.truncation && short.answers.is_empty());
    let large = over_udp(&dns, &query("long.test", RecordType::TXT, Some(1232))).unwrap();
    assert!(!large.metadata.truncation && large.answers.len() == 1);
    dns.fault("long.test", Fault::Truncated);
    assert!(over_udp(&dns, &query("long.test", RecordType::TXT, Some(4096))).unwrap().metadata.truncation);
    let whole = over_tcp(&dns, &query("long.test", RecordType::TXT, None));
    let RData::TXT(text) = &whole.answers[0].data else { panic!("{whole:?}") };
    assert_eq!(text.txt_data.concat(), long.as_bytes());
    assert_eq!(dns.questions().last().map(|q| q.tcp), Some(true));
}
