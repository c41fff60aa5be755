//! The live page of a bot that trades: it says what `status` says, and kills for who has the token alone.
//! Neither the key nor the token stands in anything that it answers.

use crate::bot::{Home, assert_no_trace};
use crate::common::{free_port, spawnable};
use crate::server::wait;
use crate::venue::Market;
use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

/// A port of a page.
struct Page(u16);

impl Page {
    /// One that is free, named in the configuration of this folder.
    fn of(home: &Home) -> Self {
        let port = free_port();
        fs::write(home.path().join("botmm.toml"), format!("[http]\nport = {port}\n")).unwrap();
        Self(port)
    }

    fn connect(&self, line: &str, headers: &[String]) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.0)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let more: String = headers.iter().map(|h| format!("{h}\r\n")).collect();
        let head = format!("{line} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{more}\r\n", self.0);
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    /// The code, and the whole answer.
    fn ask(&self, line: &str, headers: &[String]) -> (u16, String) {
        let mut answer = String::new();
        self.connect(line, headers).read_to_string(&mut answer).unwrap();
        (answer[9..12].parse().unwrap(), answer)
    }

    /// The first event of a new stream, with its head.
    fn event(&self) -> String {
        let (mut stream, mut text, mut chunk) =
            (self.connect("GET /events", &[]), String::new(), [0; 4096]);
        while !text.contains("data: ") || !text.ends_with("\n\n") {
            let read = stream.read(&mut chunk).unwrap();
            assert!(read > 0, "{text}");
            text += std::str::from_utf8(&chunk[..read]).unwrap();
        }
        text
    }

    fn status(&self) -> Value {
        let (_, answer) = self.ask("GET /status", &[]);
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or(Value::Null)
    }
}

/// How often a word stands in all files of a folder.
fn count(dir: &Path, word: &str) -> usize {
    let of = |path: std::path::PathBuf| match path.is_dir() {
        true => count(&path, word),
        false if path.is_file() => {
            String::from_utf8_lossy(&fs::read(path).unwrap()).matches(word).count()
        }
        false => 0,
    };
    fs::read_dir(dir).unwrap().map(|entry| of(entry.unwrap().path())).sum()
}

#[test]
fn a_bot_is_killed_from_its_page_with_the_token_alone_and_nothing_secret_is_on_it() {
    let home = Home::new("page");
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    let page = Page::of(&home);
    let mut bot = home.start(
        "run",
        home.command(&market.url(), &["--symbols", "BTC", "--json", "--config", "botmm.toml"]),
    );
    bot.until("resting orders", |_| market.seen.open_orders(account) > 0);
    let file = home.path().join(format!("state/{account}.token"));
    let token = fs::read_to_string(&file).unwrap().trim().to_owned();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(bot.has_said(&format!("page: http://127.0.0.1:{}/", page.0)) && bot.has_said(&token));

    let shown = wait("a view", || Some(page.status()).filter(|v| v["is_running"] == true));
    assert_eq!(shown["coins"][0]["coin"], "BTC");
    let (code, html) = page.ask("GET /", &[]);
    assert!(code == 200 && html.contains("\r\nContent-Security-Policy: default-src 'none';"));
    let answers = [html, page.event(), page.ask("GET /metrics", &[]).1, shown.to_string()];
    for answer in &answers {
        let secrets = [&home.key.hex, &token].map(|s| answer.to_lowercase().contains(s.as_str()));
        assert_eq!(secrets, [false; 2], "{answer}");
    }

    let origin = format!("Origin: http://127.0.0.1:{}", page.0);
    let with = |token: &str| format!("X-Botmm-Token: {token}");
    let wrong = format!("{:032x}", 7);
    for (line, headers, code) in [
        ("POST /kill".to_owned(), vec![origin.clone()], 403),
        ("POST /kill".to_owned(), vec![origin.clone(), with(&wrong)], 403),
        ("POST /kill".to_owned(), vec![origin.clone(), with(&token), with(&token)], 403),
        (format!("POST /kill?token={token}"), vec![origin.clone()], 403),
        ("POST /kill".to_owned(), vec!["Origin: http://evil.example".into(), with(&token)], 403),
        ("POST /kill".to_owned(), vec!["Sec-Fetch-Site: same-origin".into(), with(&token)], 403),
        ("GET /kill".to_owned(), vec![with(&token)], 405),
        ("OPTIONS /kill".to_owned(), vec![with(&token)], 405),
        ("POST /".to_owned(), vec![with(&token)], 405),
    ] {
        assert_eq!(page.ask(&line, &headers).0, code, "{line} {headers:?}");
    }
    assert!(!bot.has_said("KILLED"), "none of them kills");
    bot.until("orders still", |_| market.seen.open_orders(account) > 0);

    let (code, said) = page.ask("POST /kill", &[origin, with(&token)]);
    assert!(code == 200 && said.contains("botmm rearm"), "{said}");
    bot.until("the cancels", |_| market.seen.open_orders(account) == 0);
    let latch = home.path().join(format!("state/{account}.latch"));
    assert!(fs::read_to_string(latch).unwrap().contains("by the page"));
    bot.until("the page says so", |_| {
        page.status()["risk"].as_str().is_some_and(|r| r.starts_with("KILLED AT"))
    });
    let rearmed = spawnable(home.path(), &["rearm"]).output().unwrap();
    assert!(rearmed.status.success(), "{rearmed:?}");
    bot.until("orders again", |_| market.seen.open_orders(account) > 0);
    let ended = bot.terminated();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(!file.exists());
    assert_eq!(count(home.path(), &token), 1, "the token is told once, at the start");
    assert_no_trace(&home.key, home.path());
}
