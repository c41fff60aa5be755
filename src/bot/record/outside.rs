//! Whom the recorder tells how it goes: a person at the screen, webhooks, Prometheus, systemd.

use super::day::About;
use crate::exit::AppError;
use crate::masked::masked;
use crate::net::{Answer, Answering, Endpoint, LocalHttp, Rest, Tls};
use crate::settings::Settings;
use crate::side::alert::Alert;
use crate::side::errands::Errands;
use crate::side::notify::Notify;
use crate::systemd::Systemd;
use crate::terminal;
use crate::ui::recorder::RecorderScrape;
use crate::venue_api::venue::listed_by;
use crate::when::utc_s;
use botmm_pipeline::types::{Instrument, Nanos};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const SCRAPE_EVERY: Nanos = Nanos::secs(1);
const STATUS_EVERY: Nanos = Nanos::secs(5);
/// Signs of life go out at least so often.
const BEAT_EVERY: Nanos = Nanos::secs(5);
const PAUSE: Duration = Duration::from_millis(20);
/// Pauses between questions to a venue that does not answer.
const FIRST_PAUSE: Nanos = Nanos::secs(1);
const LONGEST_PAUSE: Nanos = Nanos::secs(30);
const PATIENCE: Nanos = Nanos::secs(20);

/// How it goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers {
    /// As [`RecorderScrape`] has them.
    pub written_until: Nanos,
    pub lines: u64,
    pub bytes: u64,
    pub gaps: u64,
    pub gap_time: Nanos,
    pub reconnects: u64,
    pub open: usize,
    pub wanted: usize,
    pub disk_is_well: bool,
}

/// See the module.
pub struct Outside {
    notify: Notify,
    alerts: Errands,
    questions: Errands,
    systemd: Option<Systemd>,
    metrics: Option<(Arc<Mutex<String>>, LocalHttp)>,
    next_scrape: Nanos,
    next_beat: Nanos,
    next_status: Nanos,
}

impl Outside {
    /// By what settings and environment name.
    ///
    /// # Errors
    /// A webhook's address or the port will not do.
    pub fn open(
        settings: &Settings,
        tls: &Tls,
        endpoint: &Endpoint,
        now: Nanos,
    ) -> Result<Self, AppError> {
        let place = endpoint.rest_url();
        let notify = Notify::open(settings, tls, (&place, "botmm record"), now)?;
        let metrics = settings.http_port.map(serve).transpose()?;
        if let Some((_, http)) = &metrics {
            terminal::complain(format_args!("metrics: http://{}/metrics", http.at()));
        }
        Ok(Self {
            notify,
            alerts: Errands::start("alerts")?,
            questions: Errands::start("questions")?,
            systemd: Systemd::of_this_process()?,
            metrics,
            next_scrape: Nanos::ZERO,
            next_beat: Nanos::ZERO,
            next_status: Nanos::ZERO,
        })
    }

    /// Who asks the venue.
    pub fn questions(&self) -> &Errands {
        &self.questions
    }

    /// Tells a person.
    pub fn say(&mut self, now: Nanos, alert: Alert) {
        let (when, level) = (utc_s(now), alert.level.as_str());
        terminal::complain(masked(&format!("record: {when} {level}: {alert}")));
        self.notify.tell(now, &alert);
    }

    /// It records from now on, as far as it is up to it.
    pub fn is_ready(&self) {
        self.tell("READY=1\nSTATUS=records");
    }

    /// It ends: no sign of life is waited for any more.
    pub fn stops(&self) {
        self.tell("STOPPING=1\nSTATUS=closing the last segment");
    }

    fn tell(&self, lines: &str) {
        if let Some(systemd) = &self.systemd {
            let _ = systemd.tell(lines); // Who does not listen ends us: nothing that we could do.
        }
    }

    /// What is due.
    pub fn turn(&mut self, now: Nanos, about: &About, numbers: &Numbers) {
        self.beat(now);
        if now >= self.next_status {
            self.next_status = now + STATUS_EVERY;
            let Numbers { open, wanted, lines, gaps, disk_is_well, .. } = numbers;
            let disk = if *disk_is_well { "" } else { ", THE DISK TAKES NOTHING" };
            self.tell(&format!(
                "STATUS={open} of {wanted} links, {lines} lines, {gaps} gaps{disk}"
            ));
        }
        let hung = [self.alerts.turn(now), self.questions.turn(now)];
        let hung = hung
            .into_iter()
            .flatten()
            .map(|text| Alert::warn(crate::side::alert::Topic::Machine, text));
        let news: Vec<Alert> =
            self.notify.post(now, &self.alerts).into_iter().chain(hung).collect();
        news.into_iter().for_each(|alert| self.say(now, alert));
        if now >= self.next_scrape {
            self.next_scrape = now + SCRAPE_EVERY;
            let text = self.scrape(about, numbers);
            if let Some((shown, _)) = &self.metrics {
                *shown.lock().unwrap_or_else(PoisonError::into_inner) = text;
            }
        }
    }

    fn beat(&mut self, now: Nanos) {
        let Some(within) = self.systemd.as_ref().and_then(Systemd::watchdog) else { return };
        if now >= self.next_beat {
            let quarter = Nanos(i64::try_from(within.as_nanos() / 4).unwrap_or(i64::MAX));
            self.next_beat = now + quarter.min(BEAT_EVERY);
            self.tell("WATCHDOG=1");
        }
    }

    fn scrape(&self, about: &About, n: &Numbers) -> String {
        let scrape = RecorderScrape {
            version: env!("CARGO_PKG_VERSION"),
            started: about.begun,
            written_until: n.written_until,
            lines: n.lines,
            bytes: n.bytes,
            gaps: n.gaps,
            gap_time: n.gap_time,
            reconnects: n.reconnects,
            open: [n.open, n.wanted],
            disk_is_well: n.disk_is_well,
            webhooks_dropped: self.notify.counts().iter().map(|(_, counts)| counts[0]).sum(),
        };
        scrape.text()
    }

    /// The last words, which are waited for a moment.
    pub fn end(&mut self, clock: &dyn Fn() -> Nanos, alert: Alert) {
        self.say(clock(), alert);
        self.notify.settle(&self.alerts, clock);
    }

    /// What the venue lists; it is asked until it answers.
    ///
    /// # Errors
    /// It was over before that.
    pub fn until_listed(
        &mut self,
        endpoint: &Endpoint,
        tls: &Tls,
        clock: &dyn Fn() -> Nanos,
        is_over: &dyn Fn(Nanos) -> bool,
    ) -> Result<Vec<Instrument>, AppError> {
        self.tell("READY=1\nSTATUS=asks the venue what it lists");
        let rest = Arc::new(Rest::until(endpoint, tls, super::meta::never())?);
        let (mut pause, mut why) = (FIRST_PAUSE, "no answer".to_owned());
        loop {
            let (asked, place) = (rest.clone(), endpoint.rest_url());
            let pending = self.questions.send(clock(), PATIENCE, move || listed_by(&asked, place));
            let mut next = None;
            loop {
                let now = clock();
                self.beat(now);
                if is_over(now) {
                    return Err(AppError::data(
                        endpoint.rest_url(),
                        format!(
                            "nothing was recorded: the venue did not say what it lists ({why})"
                        ),
                        "look at the address and the network, then start again",
                    ));
                }
                match next {
                    None => match pending.told(now) {
                        Some(Ok(listed)) => return Ok(listed.coins),
                        Some(Err(e)) => {
                            terminal::complain(masked(&format!(
                                "record: waits for the venue: {e}"
                            )));
                            why = e;
                            next = Some(now + pause);
                            pause = (pause + pause).min(LONGEST_PAUSE);
                        }
                        None => {}
                    },
                    Some(at) if now >= at => break,
                    Some(_) => {}
                }
                std::thread::sleep(PAUSE);
            }
        }
    }
}

/// Answers `GET /metrics` on this port of the machine itself.
fn serve(port: u16) -> Result<(Arc<Mutex<String>>, LocalHttp), AppError> {
    let shown = Arc::new(Mutex::new(String::new()));
    let newest = shown.clone();
    let answering: Answering =
        Arc::new(move |asked| match (asked.method.as_str(), asked.path.as_str()) {
            ("GET" | "HEAD", "/metrics") => {
                let text = newest.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Answer::whole("text/plain; version=0.0.4", text)
            }
            ("GET" | "HEAD", _) => Answer::refused(404, "see /metrics"),
            _ => Answer::refused(405, "only GET and HEAD"),
        });
    Ok((shown, LocalHttp::bind(port)?.serve(answering)?))
}
