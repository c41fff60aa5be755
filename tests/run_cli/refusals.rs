//! Runs that must not start, each with one line that says what happened, where, and what to do.

use crate::bot::Home;
use crate::common::free_port;
use crate::venue::{Key, Market};
use botmm::side::drilled::Drilled;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::Nanos;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

/// What a key without an account is told: with it, the key was read, and asked about.
const NO_ACCOUNT: &str = "is neither an account nor an approved agent";

#[test]
fn keys_that_may_not_trade() {
    let (home, master) = (Home::new("refused agent"), Key::of("refused master"));
    let (poor, other) = (Home::new("poor"), Key::of("other"));
    let market = Market::open(&[(&master, 10_000), (&poor.key, 0), (&other, 5_000)]);
    let url = market.url();

    let (line, code) = home.refused(home.command(&url, &[]));
    assert!(line.contains(NO_ACCOUNT) && line.contains("approve this agent"), "{line}");
    assert!(line.contains(&home.key.address().to_string()) && line.contains(&url), "{line}");
    assert_eq!(code, 5);

    market.seen.approve(&master, &home.key);
    for wallet in [other.address(), home.key.address()] {
        let mut command = home.command(&url, &[]);
        command.env("HL_WALLET_ADDRESS", wallet.to_string());
        let (line, code) = home.refused(command);
        assert!(line.contains(&format!("HL_WALLET_ADDRESS {wallet} is not what")), "{line}");
        assert!(line.contains(&master.address().to_string()), "{line}");
        assert_eq!(code, 5);
    }
    // A private key is 0x and hex too, and lands in the wrong variable one day.
    for wallet in ["0x1234", &format!("0x{}", home.key.hex), "me"] {
        let mut command = home.command(&url, &[]);
        command.env("HL_WALLET_ADDRESS", wallet);
        let (line, code) = home.refused(command);
        assert!(line.contains("HL_WALLET_ADDRESS: not an address"), "{line}");
        assert_eq!(code, 3);
    }

    let (line, code) = poor.refused(poor.command(&url, &[]));
    assert!(line.contains("has no money") && line.contains("deposit"), "{line}");
    assert!(line.contains(&poor.key.address().to_string()), "{line}");
    assert_eq!(code, 5);
}

#[test]
fn places_that_a_key_may_come_from() {
    let home = Home::new("key places");
    let market = Market::open(&[]);
    let url = market.url();
    let is_read = |(line, code): (String, i32)| {
        assert!(line.contains(NO_ACCOUNT), "{line}");
        assert!(line.contains(&home.key.address().to_string()), "{line}");
        assert_eq!(code, 5);
    };
    is_read(home.refused(home.command(&url, &[])));

    // Apart from the folder that is searched for the key.
    let secrets = TempDir::new().unwrap();
    let file = secrets.path().join("agent.key");
    let with_file = || home.without_key(&url, &["--key-file", file.to_str().unwrap()]);
    let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    fs::write(&file, format!("{}\n", home.key.hex.to_uppercase())).unwrap();
    mode(0o600);
    is_read(home.refused(with_file()));
    for open in [0o644, 0o640, 0o604] {
        mode(open);
        let (line, code) = home.refused(with_file());
        assert!(line.contains(&format!("mode {open:04o} lets others read it")), "{line}");
        assert!(line.contains("agent.key") && line.contains("chmod 0600"), "{line}");
        assert_eq!(code, 3);
    }
    mode(0o600);
    let mut both = with_file();
    both.env("HL_PRIVATE_KEY", &Key::of("another").hex);
    is_read(home.refused(both)); // The file was named just now.

    // As systemd makes it: readable by the unit alone, and by nobody's mode bits.
    fs::write(secrets.path().join("hl_private_key"), format!("0x{}", home.key.hex)).unwrap();
    let mut command = home.without_key(&url, &[]);
    command.env("CREDENTIALS_DIRECTORY", secrets.path());
    is_read(home.refused(command));

    let mut command = home.without_key(&url, &[]);
    command.env("CREDENTIALS_DIRECTORY", home.path());
    for command in [command, home.without_key(&url, &[])] {
        let (line, code) = home.refused(command);
        for place in ["HL_PRIVATE_KEY", "--key-file", "systemd credential hl_private_key"] {
            assert!(line.contains(place), "no {place}: {line}");
        }
        assert_eq!(code, 3);
    }
}

#[test]
fn keys_that_are_none_are_not_repeated() {
    let home = Home::new("no key at all");
    let hex = home.key.hex.clone();
    for text in [format!("0x{hex}0"), format!("{hex}!"), format!("key={hex}"), "f".repeat(64)] {
        let mut command = home.without_key("http://127.0.0.1:9", &[]);
        command.env("HL_PRIVATE_KEY", &text);
        let (line, code) = home.refused(command);
        assert!(line.contains("HL_PRIVATE_KEY: not a private key"), "{line}");
        assert!(!line.contains(&text), "{line}");
        assert_eq!(code, 3);
    }
    // The key itself where its file belongs.
    for text in [hex.clone(), format!("0x{hex}"), hex.to_uppercase()] {
        let (line, code) =
            home.refused(home.without_key("http://127.0.0.1:9", &["--key-file", &text]));
        assert!(line.contains("--key-file: this is a key, not the name of a file"), "{line}");
        assert_eq!(code, 2, "it was typed just now");
    }
}

#[test]
fn real_money_needs_to_be_meant() {
    let home = Home::new("real money");
    let (line, code) = home.refused(home.without_key("mainnet", &[]));
    assert!(line.contains("real money"), "{line}");
    assert!(line.contains("--i-understand-real-money"), "{line}");
    assert!(line.contains("i_understand_real_money = true"), "{line}");
    assert_eq!(code, 2);
    // With either it goes on, here up to a file that is not there: no test asks the real venue.
    let config = home.path().join("my.toml");
    fs::write(&config, "[general]\ni_understand_real_money = true\n").unwrap();
    let meant = [&["--config", "my.toml"][..], &["--i-understand-real-money"]];
    let state = home.path().join("state");
    let drilled_ago = |days: i64| {
        let then = WallClock::default().now() - Nanos::secs(days * 86_400);
        Drilled::new(then, Value::Null).write(&state).unwrap();
    };
    drilled_ago(29);
    for meant in meant {
        let args = [meant, &["--ca", "no/such.pem"]].concat();
        let (line, code) = home.refused(home.command("mainnet", &args));
        assert!(line.contains("no/such.pem: cannot be used"), "{line}");
        assert_eq!(code, 5);
    }
    // Who cancels when this bot cannot must have been tried lately: that is said, and no more.
    let warned = |why: &str| {
        let args = [meant[0], &["--ca", "no/such.pem"]].concat();
        let ended = home.start("warned", home.command("mainnet", &args)).ended();
        fs::remove_dir_all(home.path().join("warned")).unwrap();
        let (warning, error) = ended.stderr.split_once('\n').unwrap();
        assert!(warning.contains("warning: ") && warning.contains(why), "{warning}");
        assert!(warning.ends_with("run `botmm drill`"), "{warning}");
        assert!(error.contains("no/such.pem: cannot be used"), "{error}");
    };
    drilled_ago(31);
    warned("(31 days ago)");
    fs::remove_dir_all(&state).unwrap();
    warned("no drill was ever passed whole");
    assert!(!home.path().join("state").exists(), "nothing was begun");
    // What harms it on purpose is for exchanges on this machine alone.
    let args = [meant[0], &["--ca", "no/such.pem", "--drill", "."]].concat();
    let ended = home.start("harmed", home.command("mainnet", &args)).ended();
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("--drill harms the bot on purpose"), "{}", ended.stderr);
    fs::write(&config, "[general]\ni_understand_real_money = false\n").unwrap();
    let (_, code) = home.refused(home.command("mainnet", &["--config", "my.toml"]));
    assert_eq!(code, 2);
}

#[test]
fn nobody_there() {
    let home = Home::new("nobody there");
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let (line, code) = home.refused(home.command(&url, &["--wait", "0s"]));
    assert!(line.contains(&url) && line.contains("connection refused"), "{line}");
    assert!(line.contains("check that the server runs"), "{line}");
    assert!(!line.contains("send it again"), "nothing was sent that could be: {line}");
    assert_eq!(code, 5);
    let (line, code) = home.refused(home.command("http://10.0.0.1:80", &[]));
    assert!(line.contains("plain http is for this machine only"), "{line}");
    assert_eq!(code, 2);
}
