//! The servers of the tests themselves.

use std::io::{Read, Write};
use std::net::TcpStream;

use tests::services::{NatsServer, Sync, nats_monitor_url};

#[test]
fn the_shared_nats_server_syncs_before_it_acknowledges() {
    assert!(jetstream_facts(&nats_monitor_url()).contains("\"sync_always\": true"));
}

#[test]
fn a_killed_server_comes_back_on_the_same_ports() {
    let mut server = NatsServer::start(Sync::Default);
    let (url, monitor) = (server.url(), server.monitor_url());

    server.kill();
    let address = url.trim_start_matches("nats://").to_owned();
    assert!(TcpStream::connect(&address).is_err());

    server.start_again();
    assert_eq!((server.url(), server.monitor_url()), (url, monitor));
    assert!(!jetstream_facts(&server.monitor_url()).contains("\"sync_always\""));
    assert!(TcpStream::connect(&address).is_ok());
}

fn jetstream_facts(monitor: &str) -> String {
    let address = monitor.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).expect("the monitoring endpoint is there");
    connection.write_all(b"GET /jsz HTTP/1.0\r\n\r\n").expect("it takes a request");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it answers in text");
    answer
}
