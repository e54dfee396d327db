//! A call between programs: every participant sends a tone of its own, and is judged to be heard
//! when each of the others decodes exactly that tone.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, bail};
use signaling_core::id::ParticipantId;
use signaling_core::request::Join;
use tokio::time::sleep;

use crate::bot::join::Server;
use crate::bot::listener::{self, Heard};
use crate::bot::view::View;
use crate::bot::{Bot, Voice};

/// The most participants of one call: their tones end below what Opus keeps of a voice.
pub const MOST_PARTICIPANTS: u16 = 40;

/// The first participant's tone, in hertz.
const FIRST_TONE: f64 = 400.0;

/// From one participant's tone to the next, in hertz; measurements tell 40 Hz apart.
const TONE_STEP: f64 = 110.0;

/// Pairs of slots that a participant begins with: a small room fits, a larger one makes it grow.
const PAIRS: u32 = 4;

/// How far a measured frequency may be off, in hertz.
const TOLERANCE: f64 = 3.0;

/// The share of the sound that must be the tone.
const PURITY: f64 = 0.8;

/// How long it may take after the last join until everything flows.
const SETTLE: Duration = Duration::from_secs(10);

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The server, `http://host:port`.
    pub url: String,
    /// The room.
    pub room: String,
    /// How many join.
    pub participants: u16,
    /// How long all of them talk.
    pub duration: Duration,
    /// A service token; without one they join as guests.
    pub token: Option<String>,
}

/// How one participant came across to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The right tone, and nothing else.
    Right,
    /// Some of the sound was not the tone, or not the right one.
    Wrong,
    /// There was no sound, or hardly any.
    Missing,
}

/// One direction between two participants.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Who listened.
    pub listener: String,
    /// Who was to be heard.
    pub speaker: String,
    /// The speaker's tone, in hertz.
    pub sent: f64,
    /// What was heard of it.
    pub heard: Heard,
    /// The judgement.
    pub verdict: Verdict,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// One line for each listener and each of its speakers.
    pub lines: Vec<Line>,
}

/// The tone of the participant with this index, in hertz.
pub fn tone_of(index: u16) -> f64 {
    FIRST_TONE + TONE_STEP * f64::from(index)
}

/// Has the participants join, talk, and leave.
///
/// # Errors
///
/// When somebody cannot join or leave, or loses a connection. Not being heard is no error but a
/// [`Verdict`].
pub async fn run(plan: &Plan) -> anyhow::Result<Report> {
    let server = Server::parse(&plan.url)?;
    let mut bots = Vec::with_capacity(plan.participants.into());
    for index in 0..plan.participants {
        let name = format!("load-{}", index + 1);
        let bot = enter(&server, plan, &name, Voice { hertz: tone_of(index), pairs: PAIRS })
            .await
            .with_context(|| format!("{name} did not get into the room"))?;
        bots.push((name, bot));
    }

    // The talk counts from the moment when everything flows, or should.
    for (_, bot) in &bots {
        let others = usize::from(plan.participants) - 1;
        let _ = bot.until(SETTLE, |view| view.received.len() >= others).await;
    }
    sleep(plan.duration).await;

    let seen: Vec<(String, ParticipantId, View)> =
        bots.iter().map(|(name, bot)| (name.clone(), bot.participant(), bot.view())).collect();
    for (name, bot) in bots {
        bot.leave().await.with_context(|| format!("{name} could not leave"))?;
    }
    for (name, _, view) in &seen {
        if let Some(reason) = &view.ended {
            bail!("{name} fell out of the room: {reason}");
        }
    }
    Ok(judge(&seen, plan.duration))
}

/// Joins as a guest, or with the plan's token.
async fn enter(server: &Server, plan: &Plan, name: &str, voice: Voice) -> anyhow::Result<Bot> {
    let (url, join) = match &plan.token {
        None => {
            let ticket = server.join(&plan.room, name).await?;
            (ticket.url, Join { token: ticket.token, ..Join::default() })
        }
        Some(token) => {
            let join = Join {
                token: token.clone(),
                room: Some(plan.room.clone()),
                identity: Some(name.to_owned()),
                name: Some(name.to_owned()),
                ..Join::default()
            };
            (server.signaling(), join)
        }
    };
    Ok(Bot::join(&url, join, voice).await?)
}

/// Judges everybody's view of everybody else.
fn judge(seen: &[(String, ParticipantId, View)], duration: Duration) -> Report {
    let mut lines = Vec::new();
    for (listener, own, view) in seen {
        for (index, (speaker, participant, _)) in (0..).zip(seen) {
            if participant == own {
                continue;
            }
            let heard = view.heard_of(*participant).next().cloned().unwrap_or_default();
            let sent = tone_of(index);
            let verdict = verdict(&heard, sent, duration);
            let (listener, speaker) = (listener.clone(), speaker.clone());
            lines.push(Line { listener, speaker, sent, heard, verdict });
        }
    }
    Report { lines }
}

/// Judges what was heard of a tone of `sent` hertz that went on for `duration`.
fn verdict(heard: &Heard, sent: f64, duration: Duration) -> Verdict {
    let due = (duration.as_secs_f64() / listener::INTERVAL.as_secs_f64()) as usize;
    let tones: Vec<_> = heard.tones.iter().flatten().collect();
    if tones.len() < (due.min(listener::REMEMBERED) / 2).max(1) {
        return Verdict::Missing;
    }
    let right =
        tones.iter().all(|tone| (tone.hertz - sent).abs() <= TOLERANCE && tone.purity >= PURITY);
    if right && tones.len() == heard.tones.len() { Verdict::Right } else { Verdict::Wrong }
}

impl Report {
    /// Whether everybody heard everybody.
    pub fn all_right(&self) -> bool {
        self.lines.iter().all(|line| line.verdict == Verdict::Right)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<10}  {:<10}  {:>8}  {:>8}  {:>6}  {:>8}  {:>6}  verdict",
            "listener", "speaker", "sent Hz", "heard Hz", "purity", "packets", "lost",
        )?;
        for line in &self.lines {
            let last = line.heard.tones.iter().flatten().last();
            let (hertz, purity) = last.map_or(("-".to_owned(), "-".to_owned()), |tone| {
                (format!("{:.1}", tone.hertz), format!("{:.3}", tone.purity))
            });
            writeln!(
                f,
                "{:<10}  {:<10}  {:>8.1}  {hertz:>8}  {purity:>6}  {:>8}  {:>6}  {}",
                line.listener,
                line.speaker,
                line.sent,
                line.heard.packets,
                line.heard.lost,
                line.verdict,
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Right => "right",
            Verdict::Wrong => "wrong",
            Verdict::Missing => "missing",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::Tone;

    const DURATION: Duration = Duration::from_secs(4);

    fn heard(tones: &[Option<(f64, f64)>]) -> Heard {
        let tones = tones.iter().map(|tone| tone.map(|(hertz, purity)| Tone { hertz, purity }));
        Heard { tones: tones.collect(), ..Heard::default() }
    }

    #[test]
    fn tones_stay_within_what_is_measured() {
        assert!(tone_of(0) > crate::tone::LOWEST);
        assert!(tone_of(MOST_PARTICIPANTS) < crate::tone::HIGHEST);
    }

    #[test]
    fn only_the_right_tone_all_the_time_is_right() {
        let right = Some((400.4, 0.99));
        for (tones, expected) in [
            (vec![right; 8], Verdict::Right),
            (vec![right; 4], Verdict::Right),
            (vec![right; 3], Verdict::Missing),
            (vec![], Verdict::Missing),
            (vec![None; 8], Verdict::Missing),
            ([vec![right; 7], vec![None]].concat(), Verdict::Wrong),
            ([vec![right; 7], vec![Some((510.0, 0.99))]].concat(), Verdict::Wrong),
            ([vec![right; 7], vec![Some((400.0, 0.5))]].concat(), Verdict::Wrong),
        ] {
            assert_eq!(verdict(&heard(&tones), 400.0, DURATION), expected, "{tones:?}");
        }
    }

    #[test]
    fn who_was_not_heard_at_all_has_a_line() {
        let seen: Vec<_> = [1, 2, 3]
            .map(ParticipantId)
            .map(|id| (id.to_string(), id, View::new(id, vec![])))
            .to_vec();
        let report = judge(&seen, DURATION);
        assert_eq!(report.lines.len(), 6);
        assert!(report.lines.iter().all(|line| line.verdict == Verdict::Missing));
        assert!(!report.all_right());
        assert_eq!(report.to_string().lines().count(), 7);
    }
}
