//! `oriel doctor`: looks at a configuration and at the machine that it is to run on, and says in words
//! what to fix. [`facts`] looks, [`judge`] thinks; nothing here changes anything.

use std::fmt;

use crate::config::Config;

pub mod facts;
pub mod judge;
pub mod listening;

pub use facts::Facts;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The server does not start, or does not work for those it is meant for.
    Fault,
    /// It works, and something better can be done.
    Advice,
}

/// What the doctor looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Keys and guests: who may come in.
    Access,
    /// What is listened on.
    Ports,
    /// What clients are told.
    Addresses,
    /// TLS.
    Certificates,
    /// What is kept on disk.
    State,
    /// The time.
    Clock,
    /// Open files and memory.
    Limits,
    /// The system's socket buffers.
    Buffers,
}

impl Subject {
    /// All of them, as they are reported.
    pub const ALL: [Subject; 8] = [
        Subject::Access,
        Subject::Ports,
        Subject::Addresses,
        Subject::Certificates,
        Subject::State,
        Subject::Clock,
        Subject::Limits,
        Subject::Buffers,
    ];
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Subject::Access => "access",
            Subject::Ports => "ports",
            Subject::Addresses => "addresses",
            Subject::Certificates => "certificates",
            Subject::State => "state",
            Subject::Clock => "clock",
            Subject::Limits => "limits",
            Subject::Buffers => "buffers",
        })
    }
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What it is about.
    pub subject: Subject,
    /// What is wrong, and what to do.
    pub text: String,
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// Looks at this machine.
    pub fn of(config: &Config) -> Report {
        Report { findings: judge::findings(config, &Facts::gather(config)) }
    }

    /// How many faults there are.
    pub fn faults(&self) -> usize {
        self.findings.iter().filter(|finding| finding.level == Level::Fault).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for subject in Subject::ALL {
            let mut is_fine = true;
            for finding in self.findings.iter().filter(|finding| finding.subject == subject) {
                is_fine = false;
                let level = match finding.level {
                    Level::Fault => "FAULT ",
                    Level::Advice => "advice",
                };
                writeln!(f, "{level}  {subject}: {}", finding.text)?;
            }
            if is_fine {
                writeln!(f, "fine    {subject}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_a_line_for_every_subject() {
        let finding = |level, subject| Finding { level, subject, text: "do this".into() };
        let report = Report {
            findings: vec![
                finding(Level::Advice, Subject::Buffers),
                finding(Level::Fault, Subject::Ports),
                finding(Level::Fault, Subject::Ports),
            ],
        };
        assert_eq!(report.faults(), 2);
        let text = report.to_string();
        assert_eq!(text.lines().count(), Subject::ALL.len() + 1);
        assert!(text.contains("fine    clock\n"), "{text}");
        assert!(text.contains("advice  buffers: do this\n"), "{text}");
        assert_eq!(text.matches("FAULT   ports: do this\n").count(), 2, "{text}");
    }
}
