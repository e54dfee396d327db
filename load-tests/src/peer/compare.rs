//! Runs of several servers side by side: medians, ratios to the first server named, and whether it has
//! reached what is required of it.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use super::Shape;
use super::floor::Floor;
use super::report::Report;

/// Where figures are required.
const REQUIRED_AT: Shape = Shape { rooms: 1, publishers: 1, viewers: 100 };

/// The most that the first server may cost there, in parts of every other one.
const MOST_OF_OTHERS: f64 = 0.2;

/// The most that it may cost there, in parts of the floor.
const MOST_OF_FLOOR: f64 = 2.0;

/// One line of what was measured: `load peer --json` and `load floor --json` print them.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Line {
    Report(Box<Report>),
    Floor(Floor),
}

/// What several runs have in the middle, and how far apart they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// As many are below as above.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

/// The runs of one server in one shape.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Column {
    /// The server.
    pub label: String,
    /// How many runs.
    pub runs: usize,
    /// Its processor time for each forwarded packet.
    pub us_per_packet: Spread,
    /// The same in parts of the floor, where that was measured.
    pub floors: Option<f64>,
    /// Delay, the half.
    pub p50_us: Spread,
    /// Delay, 99 of 100.
    pub p99_us: Spread,
    /// Forwarded packets.
    pub packets_per_second: Spread,
    /// Of what was expected.
    pub loss_percent: Spread,
    /// Of a core.
    pub generator_cpu_percent: Spread,
    /// Of a core.
    pub foreign_cpu_percent: Spread,
}

/// All servers in one shape.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// How many took part.
    pub shape: Shape,
    /// Whether only sampled viewers decrypted.
    pub fast: bool,
    /// The servers, in the order in which they were first measured.
    pub servers: Vec<Column>,
    /// What the first server costs in parts of each other one.
    pub ratios: BTreeMap<String, f64>,
    /// What is required here, and whether it is so.
    pub required: Vec<Requirement>,
}

/// A bound on the first server's cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Requirement {
    /// In parts of what.
    pub of: String,
    /// The most that it may be.
    pub at_most: f64,
    /// What it is.
    pub is: f64,
    /// Whether that is good.
    pub met: bool,
}

/// All that was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What a core can do at best, where that was measured.
    pub floor_us_per_packet: Option<Spread>,
    /// By shape.
    pub tables: Vec<Table>,
}

impl Comparison {
    /// Reads what was measured, a line of JSON each.
    ///
    /// # Errors
    ///
    /// When a line is something else, or a run does not tell the server's cost or the delay.
    pub fn read(lines: &str) -> anyhow::Result<Comparison> {
        let (mut reports, mut floors) = (Vec::new(), Vec::new());
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            match serde_json::from_str(line) {
                Ok(Line::Report(report)) => reports.push(*report),
                Ok(Line::Floor(floor)) => floors.push(floor.floor_us_per_packet),
                Err(_) => anyhow::bail!("this is no line of `load peer --json`: {line}"),
            }
        }
        let floor = Spread::of(floors);
        let mut shapes: Vec<(Shape, bool)> = Vec::new();
        for report in &reports {
            let shape = (report.shape, report.fast);
            if !shapes.contains(&shape) {
                shapes.push(shape);
            }
        }
        let tables = shapes
            .into_iter()
            .map(|shape| {
                let runs: Vec<&Report> =
                    reports.iter().filter(|report| (report.shape, report.fast) == shape).collect();
                Table::of(&runs, floor.map(|floor| floor.median))
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Comparison { floor_us_per_packet: floor, tables })
    }

    /// Whether everything that is required was reached.
    pub fn all_met(&self) -> bool {
        self.tables.iter().flat_map(|table| &table.required).all(|required| required.met)
    }
}

impl Table {
    /// Of the runs in one shape, of which there is one at least.
    fn of(runs: &[&Report], floor: Option<f64>) -> anyhow::Result<Table> {
        let mut labels: Vec<&str> = Vec::new();
        for run in runs {
            if !labels.contains(&run.label.as_str()) {
                labels.push(&run.label);
            }
        }
        let servers = labels
            .into_iter()
            .map(|label| {
                let runs: Vec<&&Report> = runs.iter().filter(|run| run.label == label).collect();
                Column::of(label, &runs, floor)
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let (first, others) = servers.split_first().context("there is no run")?;
        let (shape, fast) = (runs[0].shape, runs[0].fast);
        let cost = first.us_per_packet.median;
        let ratios: BTreeMap<String, f64> = others
            .iter()
            .map(|other| (other.label.clone(), cost / other.us_per_packet.median))
            .collect();
        let mut required = Vec::new();
        if shape == REQUIRED_AT && !fast {
            let of_others = ratios.iter().map(|(of, is)| (of.clone(), *is, MOST_OF_OTHERS));
            let of_floor = first.floors.map(|is| ("the floor".to_owned(), is, MOST_OF_FLOOR));
            required.extend(of_others.chain(of_floor).map(|(of, is, at_most)| Requirement {
                of,
                at_most,
                is,
                met: is <= at_most,
            }));
        }
        Ok(Table { shape, fast, servers, ratios, required })
    }
}

impl Column {
    fn of(label: &str, runs: &[&&Report], floor: Option<f64>) -> anyhow::Result<Column> {
        let spread = |value: fn(&Report) -> Option<f64>| {
            let values: Vec<f64> = runs.iter().filter_map(|run| value(run)).collect();
            ensure!(values.len() == runs.len(), "a run of {label} lacks its cost or its delay");
            Spread::of(values).context("there is no run")
        };
        let us_per_packet = spread(|run| Some(run.server?.us_per_packet))?;
        Ok(Column {
            label: label.to_owned(),
            runs: runs.len(),
            us_per_packet,
            floors: floor.map(|floor| us_per_packet.median / floor),
            p50_us: spread(|run| Some(run.delay?.p50_us))?,
            p99_us: spread(|run| Some(run.delay?.p99_us))?,
            packets_per_second: spread(|run| Some(run.packets_per_second))?,
            loss_percent: spread(|run| Some(run.loss_percent))?,
            generator_cpu_percent: spread(|run| Some(run.generator_cpu_percent))?,
            foreign_cpu_percent: spread(|run| Some(run.foreign_cpu_percent))?,
        })
    }
}

impl Spread {
    /// `None` of nothing.
    fn of(mut values: Vec<f64>) -> Option<Spread> {
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = *values.get(middle)?;
        let median = if values.len() % 2 == 1 { upper } else { (values[middle - 1] + upper) / 2.0 };
        Some(Spread { median, least: *values.first()?, most: *values.last()? })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Spread { median, least, most }) = self.floor_us_per_packet {
            writeln!(f, "floor: {median:.2} us per packet ({least:.2} to {most:.2})")?;
        }
        self.tables.iter().try_for_each(|table| table.fmt(f))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.fast { ", fast" } else { "" };
        let runs = self.servers.iter().map(|server| server.runs).min().unwrap_or_default();
        write!(f, "\n{:<26}", format!("{}{mode}, medians of {runs}", self.shape))?;
        for server in &self.servers {
            write!(f, "{:>12}", server.label)?;
        }
        writeln!(f)?;
        type Value = fn(&Column) -> Option<f64>;
        let rows: [(&str, usize, Value); 10] = [
            ("server us per packet", 2, |server| Some(server.us_per_packet.median)),
            ("  least", 2, |server| Some(server.us_per_packet.least)),
            ("  most", 2, |server| Some(server.us_per_packet.most)),
            ("  times the floor", 2, |server| server.floors),
            ("delay p50 us", 0, |server| Some(server.p50_us.median)),
            ("delay p99 us", 0, |server| Some(server.p99_us.median)),
            ("packets per second", 0, |server| Some(server.packets_per_second.median)),
            ("loss %", 3, |server| Some(server.loss_percent.median)),
            ("generator % of a core", 0, |server| Some(server.generator_cpu_percent.median)),
            ("others % of a core", 0, |server| Some(server.foreign_cpu_percent.median)),
        ];
        for (name, digits, value) in rows {
            let values: Option<Vec<f64>> = self.servers.iter().map(value).collect();
            let Some(values) = values else { continue };
            write!(f, "{name:<26}")?;
            for value in values {
                write!(f, "{value:>12.digits$}")?;
            }
            writeln!(f)?;
        }
        for (other, ratio) in &self.ratios {
            let first = self.servers.first().map_or("", |server| &server.label);
            writeln!(f, "{first} costs {ratio:.3} of {other}")?;
        }
        for Requirement { of, at_most, is, met } in &self.required {
            let verdict = if *met { "met" } else { "NOT MET" };
            writeln!(f, "required: at most {at_most:.2} of {of}: {is:.2}, {verdict}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::report::tests::report;

    fn lines(shape: Shape, costs: &[(&str, f64)]) -> String {
        let floor = r#"{"floor_us_per_packet": 2.0, "seal_us_per_packet": 0.3}"#;
        costs.iter().fold(format!("{floor}\n\n"), |lines, (label, cost)| {
            let report = serde_json::to_string(&report(label, shape, *cost)).unwrap();
            format!("{lines}{report}\n")
        })
    }

    #[test]
    fn medians_are_compared_and_judged() {
        let costs = [
            ("oriel", 9.0),
            ("janus", 20.0),
            ("oriel", 3.9),
            ("janus", 24.0),
            ("oriel", 3.0),
            ("janus", 90.0),
        ];
        let comparison = Comparison::read(&lines(REQUIRED_AT, &costs)).unwrap();
        let [table] = comparison.tables.as_slice() else { panic!("{comparison:?}") };
        assert_eq!(table.servers[0].us_per_packet, Spread { median: 3.9, least: 3.0, most: 9.0 });
        assert_eq!((table.servers[1].label.as_str(), table.servers[1].runs), ("janus", 3));
        assert_eq!(table.ratios["janus"], 3.9 / 24.0);
        assert_eq!(table.required.len(), 2);
        assert!(comparison.all_met(), "{comparison}");
        let text = comparison.to_string();
        assert!(text.contains("required: at most 2.00 of the floor: 1.95, met"), "{text}");
    }

    #[test]
    fn what_is_not_reached_is_said_where_it_is_required() {
        let costs = [("oriel", 5.0), ("janus", 24.0)];
        let missed = Comparison::read(&lines(REQUIRED_AT, &costs)).unwrap();
        assert!(!missed.all_met());
        assert!(missed.to_string().contains("NOT MET"), "{missed}");
        let elsewhere = Shape { viewers: 20, ..REQUIRED_AT };
        let free = Comparison::read(&lines(elsewhere, &costs)).unwrap();
        assert!(free.all_met() && free.tables[0].required.is_empty());
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        let spread = Spread::of(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!(spread, Some(Spread { median: 2.5, least: 1.0, most: 4.0 }));
        assert_eq!(Spread::of(Vec::new()), None);
    }

    #[test]
    fn a_line_of_something_else_is_refused() {
        assert!(Comparison::read("{}").is_err());
        let mut report = report("oriel", REQUIRED_AT, 1.0);
        report.server = None;
        assert!(Comparison::read(&serde_json::to_string(&report).unwrap()).is_err());
    }
}
