//! How databases are opened when they are away, late, or not what they should be.

use std::time::{Duration, Instant};

use adapters::{Address, Care, Opening};
use sea_orm::ConnectionTrait as _;
use tests::services::postgres_url;
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn a_database_that_comes_up_late_is_waited_for() {
    let server = postgres_url();
    let (_, place) = server.split_once('@').expect("a user in the address");
    let (host, name) = place.split_once('/').expect("a database in the address");
    let (host, name) = (host.to_owned(), name.to_owned());
    let door = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = door.local_addr().expect("an address").port();
    tokio::spawn(async move {
        // Two tries find nobody who answers; the others are let through.
        for _ in 0..2 {
            drop(door.accept().await.expect("a try"));
        }
        loop {
            let (mut client, _) = door.accept().await.expect("a try");
            let mut server = TcpStream::connect(&host).await.expect("PostgreSQL");
            tokio::spawn(
                async move { tokio::io::copy_bidirectional(&mut client, &mut server).await },
            );
        }
    });
    let address = format!("postgres://palimpsest@127.0.0.1:{port}/{name}?sslmode=disable");
    let db = Opening::new(address.parse().unwrap(), Care::Durable).open().await.unwrap();
    db.execute_unprepared("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn a_database_that_stays_away_is_given_up_without_showing_the_password() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let address: Address = format!("postgres://ana:s3cret@{closed}/views").parse().unwrap();
    let opening = Opening { patience: Duration::ZERO, ..Opening::new(address, Care::Durable) };
    let error = opening.clone().open().await.unwrap_err();
    let shown = format!("{error} {error:?} {opening:?}");
    assert!(shown.contains(&format!("postgres://{closed}/views")), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn what_waiting_does_not_mend_fails_at_once() {
    let server = postgres_url();
    let (server, _) = server.rsplit_once('/').unwrap();
    let address = format!("{server}/no_such_database").replace("palimpsest@", "palimpsest:s3cret@");
    let begun = Instant::now();
    let opening = Opening::new(address.parse().unwrap(), Care::Durable);
    let error = opening.open().await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(20), "it was tried for {:?}", begun.elapsed());
    assert!(error.to_string().contains("no_such_database"), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn a_schema_can_be_chosen() {
    let database = tests::databases::TestDatabase::postgres(Care::Rebuildable).await;
    let plain = database.open().await;
    plain.execute_unprepared("CREATE SCHEMA views_7").await.unwrap();
    let opening = Opening::new(database.address().clone(), Care::Rebuildable);
    let inside = Opening { schema: Some("views_7".to_owned()), ..opening }.open().await.unwrap();
    inside.execute_unprepared("CREATE TABLE here (n INT)").await.unwrap();
    plain.execute_unprepared("SELECT n FROM views_7.here").await.unwrap();
    assert!(plain.execute_unprepared("SELECT n FROM here").await.is_err());
}
