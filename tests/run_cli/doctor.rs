//! `botmm doctor` against the embedded exchange: what it finds well, and each thing that it must find.

use crate::bot::{Home, assert_no_trace};
use crate::common::spawnable;
use crate::venue::{Key, Market};
use botmm::side::drilled::Drilled;
use botmm_pipeline::rt::WallClock;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// The verdict, what was found and what to do, by check, and the exit code.
fn doctor(home: &Home, url: &str, args: &[&str]) -> (impl Fn(&str) -> String, i32) {
    let args = [&["doctor", "--network", url, "--json"], args].concat();
    let mut command = spawnable(home.path(), &args);
    command.env("HL_PRIVATE_KEY", &home.key.hex).env_remove("CREDENTIALS_DIRECTORY");
    command.env_remove("NOTIFY_SOCKET");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_no_trace(&home.key, home.path());
    assert!(!text.contains(&home.key.hex));
    let said: Value = serde_json::from_str(&text).unwrap();
    let of = move |check: &str| {
        let checks = said["checks"].as_array().unwrap().iter();
        let one =
            |c: &Value| ["verdict", "found", "do"].map(|key| c[key].as_str().unwrap().to_owned());
        checks
            .filter(|c| c["check"] == check)
            .map(|c| one(c).join("; "))
            .collect::<Vec<_>>()
            .join("\n")
    };
    (of, output.status.code().unwrap())
}

#[test]
fn a_doctor_finds_what_is_well_and_what_is_not() {
    let (home, master) = (Home::new("doctor agent"), Key::of("doctor master"));
    let market = Market::open(&[(&master, 10_000)]);
    let url = market.url();

    let (of, code) = doctor(&home, &url, &[]);
    assert!(
        of("key").contains("fail; ") && of("key").contains("approve this agent"),
        "{}",
        of("key")
    );
    assert!(of("venue").starts_with("ok; ") && of("coins").starts_with("ok; "), "{}", of("venue"));
    assert_eq!(
        (of("capital"), code),
        (String::new(), 1),
        "without a key nothing is asked of an account"
    );

    market.seen.approve(&master, &home.key);
    fs::create_dir(home.path().join("state")).unwrap();
    fs::set_permissions(home.path().join("state"), fs::Permissions::from_mode(0o755)).unwrap();
    let (of, code) = doctor(&home, &url, &[]);
    assert!(of("key").contains(&format!("agent {} of {}", home.key.address(), master.address())));
    assert!(of("capital").starts_with("ok; 10000 USD"), "{}", of("capital"));
    let feed = of("feed");
    for coin in ["BTC", "ETH", "SOL"] {
        assert!(feed.contains(&format!("ok; {coin}: a book every ")), "{feed}");
    }
    assert!(feed.contains("20 levels a side") && feed.contains("ms old when here"), "{feed}");
    assert!(of("clock").starts_with("ok; ") && of("fee").contains("1.5 bps"), "{}", of("fee"));
    assert!(of("requests").starts_with("ok; ") && of("disk").contains("GiB free"));
    assert!(of("venue's switch").starts_with("warn; not to be had yet: 0 of 1000000 USD traded"));
    assert!(
        of("state").contains("mode 755") && of("state").contains("chmod 700"),
        "{}",
        of("state")
    );
    assert!(of("drill").starts_with("warn; no drill was ever passed whole"), "{}", of("drill"));
    let now = WallClock::default().now();
    Drilled::new(now, Value::Null).write(&home.path().join("state")).unwrap();
    let (of, _) = doctor(&home, &url, &[]);
    assert!(of("drill").starts_with("ok; the last drill was passed 2"), "{}", of("drill"));
    assert!(of("alerts").starts_with("warn; ") && of("systemd").starts_with("warn; "));
    assert_eq!(code, 0, "warnings are no failure");

    let config = home.path().join("bold.toml");
    fs::write(&config, "[general]\nsymbols = [\"BTC\", \"NOSUCH\"]\n").unwrap();
    let (of, code) = doctor(&home, &url, &["--config", "bold.toml"]);
    assert!(of("coins").starts_with("fail; ") && of("coins").contains("NOSUCH"), "{}", of("coins"));
    assert_eq!(code, 1);

    let (of, code) = doctor(&home, "http://127.0.0.1:1", &[]);
    assert!(of("venue").starts_with("fail; ") && of("cores").contains("plan"), "{}", of("venue"));
    assert_eq!(code, 1);
}
