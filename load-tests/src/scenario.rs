//! Scenarios: who comes, what they send, how closely they look, and by what network. `docs/load-tests.md`
//! has the format; the project's own scenarios are in the program.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::relay::impairment::{Change, Impairment};

/// The project's own scenarios: name and text.
pub const BUILT_IN: [(&str, &str); 9] = [
    ("conference-10", include_str!("../scenarios/conference-10.toml")),
    ("conference-50", include_str!("../scenarios/conference-50.toml")),
    ("conference-300", include_str!("../scenarios/conference-300.toml")),
    ("webinar-1x500", include_str!("../scenarios/webinar-1x500.toml")),
    ("rooms-10x5", include_str!("../scenarios/rooms-10x5.toml")),
    ("audio-only", include_str!("../scenarios/audio-only.toml")),
    ("churn", include_str!("../scenarios/churn.toml")),
    ("bad-network", include_str!("../scenarios/bad-network.toml")),
    ("file-share", include_str!("../scenarios/file-share.toml")),
];

/// The most participants of a run: each has two sockets, and the server two more.
pub const MOST_PARTICIPANTS: u32 = 2_000;

/// The largest scenario that is read, in bytes.
const LARGEST: u64 = 64 * 1_024;

/// The longest ramp or duration, in seconds: a day.
const LONGEST: u64 = 86_400;

/// The most pairs of slots: two m-lines each, and some for what is sent; `sfu.max_lines` is 128.
const MOST_PAIRS: u32 = 60;

/// The largest file, in MiB: 64 GiB.
const LARGEST_FILE: u32 = 65_536;

/// The most joins and leaves in a second.
const MOST_CHURN: f64 = 200.0;

/// A load test.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is, in a sentence.
    pub about: String,
    /// How many rooms there are, all alike.
    #[serde(default = "one")]
    pub rooms: u32,
    /// Seconds in which all come, evenly.
    pub ramp: u64,
    /// Seconds that are measured; with `files`, in which all of them have to have come.
    pub duration: u64,
    /// Who is in each room, in the order in which they come.
    #[serde(rename = "group", default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// What is handed from one to others in each room. There are no groups then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Files>,
    /// Whether participants come and go while it is measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub churn: Option<Churn>,
    /// What the network does; without it, nothing stands between bots and server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
}

/// Participants that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What they are called.
    pub name: String,
    /// How many there are in each room.
    #[serde(default = "one")]
    pub count: u32,
    /// What they are made of.
    #[serde(default)]
    pub bot: Kind,
    /// Whether they speak. Independent bots always do.
    #[serde(default)]
    pub microphone: bool,
    /// The clip that is their camera.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// Pairs of slots, which is how many others each sees and hears.
    #[serde(default)]
    pub pairs: u32,
    /// One in so many decrypts and checks all that comes; the others count by the headers.
    #[serde(default = "one")]
    pub whole: u32,
}

/// What a participant is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// str0m, which the server is built on, too: hundreds fit into a process.
    #[default]
    Light,
    /// The `webrtc` crate: another implementation of everything. It decodes what it hears.
    Independent,
}

/// A file that somebody has and others fetch, past the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// How large it is, in MiB.
    pub mib: u32,
    /// How many fetch it, in each room.
    #[serde(default = "one")]
    pub guests: u32,
}

/// Coming and going.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Churn {
    /// How many come in a second, and how many go: who has been there longest.
    pub per_second: f64,
}

/// What the network does to datagrams of media, in each direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// From the bots to the server.
    pub up: Change,
    /// From the server to the bots.
    pub down: Change,
}

fn one() -> u32 {
    1
}

impl Scenario {
    /// Finds a scenario of the project's own by its name, or reads the file of any other.
    ///
    /// # Errors
    ///
    /// When there is neither, or it makes no sense.
    pub fn find(name: &str) -> anyhow::Result<Scenario> {
        let built_in = BUILT_IN.iter().find(|(known, _)| *known == name);
        if let Some((_, text)) = built_in {
            return Scenario::parse(text).with_context(|| format!("the scenario {name}"));
        }
        let path = Path::new(name);
        let names = BUILT_IN.map(|(known, _)| known).join(", ");
        let found = std::fs::metadata(path).with_context(|| {
            format!("`{name}` is neither a file nor one of the scenarios {names}")
        })?;
        ensure!(found.len() <= LARGEST, "{name} is larger than {LARGEST} bytes: no scenario is");
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
        Scenario::parse(&text).with_context(|| format!("the scenario {name}"))
    }

    /// Reads a scenario.
    ///
    /// # Errors
    ///
    /// When it is not TOML, has unknown keys, or values out of range; the error names the key.
    pub fn parse(text: &str) -> anyhow::Result<Scenario> {
        let scenario: Scenario = toml::from_str(text)?;
        scenario.check()?;
        Ok(scenario)
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!(self.rooms >= 1, "`rooms` is at least 1");
        for (key, seconds) in [("ramp", self.ramp), ("duration", self.duration)] {
            ensure!(seconds <= LONGEST, "`{key}` is {LONGEST} seconds at most");
        }
        ensure!(self.duration >= 1, "`duration` is at least 1 second");
        ensure!(
            self.groups.is_empty() == self.files.is_some(),
            "a scenario has at least one [[group]], or else [files]"
        );
        ensure!(
            (1..=MOST_PARTICIPANTS).contains(&self.participants()),
            "there are 1 to {MOST_PARTICIPANTS} participants in all rooms, here {}",
            self.participants()
        );
        for group in &self.groups {
            group.check().with_context(|| format!("the group {}", group.name))?;
        }
        if let Some(files) = self.files {
            ensure!((1..=LARGEST_FILE).contains(&files.mib), "`files.mib` is 1 to {LARGEST_FILE}");
            ensure!(files.guests >= 1, "`files.guests` is at least 1");
            ensure!(
                self.churn.is_none() && self.network.is_none(),
                "with [files] there is neither [churn] nor [network]"
            );
        }
        if let Some(churn) = self.churn {
            ensure!(
                churn.per_second > 0.0 && churn.per_second <= MOST_CHURN,
                "`churn.per_second` is more than 0, and {MOST_CHURN} at most"
            );
        }
        if let Some(network) = self.network {
            Impairment::default().with(network.up).context("network.up")?;
            Impairment::default().with(network.down).context("network.down")?;
        }
        Ok(())
    }

    /// How many participants there are in all rooms.
    pub fn participants(&self) -> u32 {
        let in_a_room =
            self.groups.iter().fold(0_u32, |sum, group| sum.saturating_add(group.count));
        let with_files = self.files.map_or(0, |files| files.guests.saturating_add(1));
        in_a_room.saturating_add(with_files).saturating_mul(self.rooms)
    }

    /// How long all take to come.
    pub fn ramp(&self) -> Duration {
        Duration::from_secs(self.ramp)
    }
}

impl Group {
    fn check(&self) -> anyhow::Result<()> {
        ensure!(self.pairs <= MOST_PAIRS, "`pairs` is {MOST_PAIRS} at most");
        ensure!(self.whole >= 1, "`whole` is at least 1, which is everybody");
        let names_a_file = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        if let Some(camera) = &self.camera
            && !names_a_file(camera)
        {
            bail!("`camera` is the name of a clip, as in \"vp8\"");
        }
        if self.bot == Kind::Independent {
            ensure!(self.camera.is_none(), "independent bots have no `camera`");
            ensure!(self.whole == 1, "independent bots decode all that comes: leave `whole` out");
        }
        ensure!(
            self.pairs > 0 || self.microphone || self.camera.is_some(),
            "give it `microphone`, `camera` or `pairs`: it would neither send nor receive"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SMALL: &str = "about = 'a'\nramp = 1\nduration = 2\n[[group]]\nname = 'g'\npairs = 1\n";

    #[test]
    fn the_built_in_scenarios_are_sound() {
        for (name, text) in BUILT_IN {
            let scenario = Scenario::find(name).expect(name);
            assert_eq!(scenario, Scenario::parse(text).expect(name));
            let again = toml::to_string(&scenario).expect("TOML");
            assert_eq!(Scenario::parse(&again).expect(name), scenario);
        }
        let participants = |name: &str| Scenario::find(name).expect("a scenario").participants();
        assert_eq!(participants("webinar-1x500"), 501);
        assert_eq!(participants("rooms-10x5"), 50);
        assert_eq!(participants("file-share"), 60);
        for count in [10, 50, 300] {
            assert_eq!(participants(&format!("conference-{count}")), count);
        }
    }

    #[test]
    fn a_group_has_defaults() {
        let scenario = Scenario::parse(SMALL).expect("a scenario");
        let group = &scenario.groups[0];
        assert_eq!((scenario.rooms, group.count, group.whole, group.bot), (1, 1, 1, Kind::Light));
        assert_eq!((group.microphone, &group.camera), (false, &None));
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (more, key) in [
            ("count = 2001", "2000 participants"),
            ("count = 0", "participants"),
            ("whole = 0", "`whole`"),
            ("camera = '../vp8'", "`camera`"),
            ("bot = 'independent'\ncamera = 'vp8'", "`camera`"),
            ("speaker = true", "speaker"),
            ("[churn]\nper_second = 0", "churn.per_second"),
            ("[churn]\nper_second = nan", "churn.per_second"),
            ("[network.down]\nloss = 2.0", "loss"),
            ("[network.down]\nlost = 0.2", "lost"),
            ("[files]\nmib = 1", "[files]"),
        ] {
            let error = Scenario::parse(&format!("{SMALL}{more}")).expect_err(more);
            assert!(format!("{error:#}").contains(key), "{more}: {error:#}");
        }
        for (files, key) in [("mib = 0", "`files.mib`"), ("mib = 1\nguests = 0", "`files.guests`")]
        {
            let text = format!("about = 'a'\nramp = 1\nduration = 2\n[files]\n{files}");
            let error = Scenario::parse(&text).expect_err(files);
            assert!(format!("{error:#}").contains(key), "{files}: {error:#}");
        }
        let error = Scenario::find("conference-11").expect_err("no scenario").to_string();
        assert!(error.contains("conference-10"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_borne(text: String) {
            let _ = Scenario::parse(&text);
        }
    }
}
