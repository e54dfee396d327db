//! The report as a page of its own: no script, no font, nothing from elsewhere.

use std::fmt::Write;

use super::plot::{Plot, escaped};
use super::{Findings, Sample};
use crate::measure::Times;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1c2127; --soft: #667080; --ground: #fff; --rule: #dfe3e8;
  --c0: #2563c9; --c1: #c2510c; --c2: #12805c; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #97a1b0; --ground: #14171b;
  --rule: #2c333c; --c0: #7fb0ff; --c1: #ffa066; --c2: #5fd0a5; --bad: #ff8a80 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; color: var(--ink); background: var(--ground);
  font: 1rem/1.45 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: 0 }
p { margin: .25rem 0 1rem; color: var(--soft) }
dl.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 0 0 1rem }
dl.figures div { border: 1px solid var(--rule); border-radius: .5rem; padding: .6rem .75rem }
dl.figures dt { color: var(--soft); font-size: .85rem }
dl.figures dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums }
.bad { color: var(--bad); font-weight: 600 }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 1rem }
figure { margin: 0; border: 1px solid var(--rule); border-radius: .5rem; padding: .75rem }
figcaption { font-weight: 600 }
figcaption span { font-weight: 400; margin-left: .75rem; white-space: nowrap }
figcaption span::before { content: ''; display: inline-block; width: .9em; height: .2em; margin-right: .35em;
  vertical-align: middle; background: currentColor }
svg { display: block; width: 100%; height: auto }
svg text { fill: var(--soft); font-size: 12px }
@media (max-width: 36rem) { svg text { font-size: 20px } }
svg .y { text-anchor: end } svg .x { text-anchor: middle }
.grid { stroke: var(--rule); fill: none }
.line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round }
.c0 { color: var(--c0) } .c1 { color: var(--c1) } .c2 { color: var(--c2) }
table { border-collapse: collapse; margin: 1rem 0; width: 100% }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--rule); vertical-align: top }
th { font-weight: 400; color: var(--soft); white-space: nowrap }
td { font-variant-numeric: tabular-nums }
";

/// Marks of an axis on which each step is a tenth of the step before, towards 100 %.
const SHARES: [(f64, &str); 5] =
    [(0.0, "0"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %")];

pub(super) fn page(findings: &dyn Findings) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Load test: {0}</title>\n<style>{STYLE}</style>\n<h1>{0}</h1>\n<p>{1}</p>\n",
        escaped(findings.name()),
        escaped(findings.about())
    );
    for fault in findings.faults() {
        let _ = writeln!(page, "<p class=\"bad\">{}</p>", escaped(&fault));
    }
    page += &figures(findings);
    page += "<div class=\"plots\">\n";
    page += &findings.plots();
    page += "</div>\n<table>\n";
    for (name, value) in findings.rows() {
        let _ = writeln!(page, "<tr><th>{name}</th><td>{}</td></tr>", escaped(&value));
    }
    page + "</table>\n"
}

/// What is looked at first.
fn figures(findings: &dyn Findings) -> String {
    let mut list = "<dl class=\"figures\">\n".to_owned();
    for (name, value) in findings.figures() {
        let _ = writeln!(list, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    list + "</dl>\n"
}

/// What the server took, and how many were there, as it went.
pub(crate) fn costs(samples: &[Sample]) -> String {
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    [
        ("Server, % of a core", over_time(samples, |s| Some(s.processor? * 100.0))),
        ("Server's memory, MiB", over_time(samples, |s| s.resident.map(mebibytes))),
        ("Participants", over_time(samples, |s| Some(s.participants as f64))),
    ]
    .map(|(title, points)| seconds(title, vec![("", points)]))
    .concat()
}

/// What was so second by second, where it is known.
pub(crate) fn over_time(
    samples: &[Sample],
    value: impl Fn(&Sample) -> Option<f64>,
) -> Vec<(f64, f64)> {
    samples.iter().filter_map(|sample| Some((sample.at, value(sample)?))).collect()
}

/// Lines over the seconds of a run.
pub(crate) fn seconds(title: &str, lines: Vec<(&str, Vec<(f64, f64)>)>) -> String {
    Plot { title, below: "seconds", marks: vec![], lines }.draw()
}

/// Distributions, with more room the nearer it gets to 100 %.
pub(crate) fn shares(title: &str, lines: &[(&str, &Times)]) -> String {
    let stretched = |share: f64| -(1.0 - share.min(0.99999)).log10();
    let points = |times: &Times| -> Vec<_> {
        times.curve().into_iter().map(|(share, time)| (stretched(share), time)).collect()
    };
    let lines: Vec<_> = lines.iter().map(|(name, times)| (*name, points(times))).collect();
    let end = lines
        .iter()
        .filter_map(|(_, points)| points.last())
        .fold(0.0, |end: f64, (x, _)| end.max(*x));
    let marks = SHARES.map(|(share, label)| (stretched(share), label.to_owned()));
    let marks = marks.into_iter().filter(|(x, _)| *x <= end).collect();
    Plot { title, below: "of all are no longer", marks, lines }.draw()
}

#[cfg(test)]
mod tests {
    use crate::report::Findings;
    use crate::report::meeting::tests::report;

    #[test]
    fn a_page_is_whole_and_needs_nothing_else() {
        let mut report = report();
        report.failures.insert("<script>".into(), 1);
        let page = (&report as &dyn Findings).to_html();
        assert!(page.contains("small &lt;one&gt;") && page.contains("two &amp; no more"));
        assert!(page.contains("1 failed: &lt;script&gt;"));
        for gone in ["<script", "http:", "https:", "src=", "url(", "NaN", "inf"] {
            assert!(!page.contains(gone), "{gone}");
        }
        // All but joins, which nobody measured.
        assert_eq!(page.matches("<figure>").count(), 7);
        assert!(page.contains("20.00 µs"));
    }
}
