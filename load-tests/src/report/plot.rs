//! Line plots as inline SVG, with what a load test needs and no more.
//!
//! Lines have the colours of classes that the page's style gives, so that they are right on light and
//! dark ground, and the drawing scales with the width of the page.

use std::fmt::Write;

/// The drawing's own units.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 50.0;

/// Lines across, the axes included.
const STEPS: usize = 5;

/// A plot of some lines over one axis.
pub(super) struct Plot<'a> {
    /// What it shows, in a few words.
    pub(super) title: &'a str,
    /// What stands under the horizontal axis.
    pub(super) below: &'a str,
    /// How to write the values on the horizontal axis, and where its marks are; evenly if empty.
    pub(super) marks: Vec<(f64, String)>,
    /// The lines: a name, and points from left to right.
    pub(super) lines: Vec<(&'a str, Vec<(f64, f64)>)>,
}

impl Plot<'_> {
    /// The plot as a `figure` element; empty if no line has two points.
    pub(super) fn draw(&self) -> String {
        let points = || self.lines.iter().flat_map(|(_, points)| points);
        if self.lines.iter().all(|(_, points)| points.len() < 2) {
            return String::new();
        }
        let (low, high) = points()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (x, _)| {
                (low.min(*x), high.max(*x))
            });
        let top = ceiling(points().fold(0.0, |top: f64, (_, y)| top.max(*y)));
        let across = |x: f64| {
            LEFT + (x - low) / (high - low).max(f64::MIN_POSITIVE) * (WIDTH - LEFT - RIGHT)
        };
        let up = |y: f64| HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM);

        let mut svg = format!(
            "<figure><figcaption>{}{}</figcaption>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-label=\"{}\">\n",
            escaped(self.title),
            self.legend(),
            escaped(self.title)
        );
        for step in 0..STEPS {
            let value = top * step as f64 / (STEPS - 1) as f64;
            let (y, label) = (up(value), number(value));
            let right = WIDTH - RIGHT;
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>");
            let _ = writeln!(
                svg,
                "<text class=\"y\" x=\"{}\" y=\"{:.1}\">{label}</text>",
                LEFT - 6.0,
                y + 4.0
            );
        }
        for (x, label) in self.marks(low, high) {
            let (x, y) = (across(x), HEIGHT - BOTTOM + 20.0);
            let _ = writeln!(
                svg,
                "<text class=\"x\" x=\"{x:.1}\" y=\"{y}\">{}</text>",
                escaped(&label)
            );
        }
        let (x, y) = ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 4.0);
        let _ =
            writeln!(svg, "<text class=\"x\" x=\"{x}\" y=\"{y}\">{}</text>", escaped(self.below));
        for (index, (_, points)) in self.lines.iter().enumerate() {
            let mut path = String::new();
            for (x, y) in points {
                let command = if path.is_empty() { 'M' } else { 'L' };
                let _ = write!(path, "{command}{:.1} {:.1}", across(*x), up(*y));
            }
            let _ = writeln!(svg, "<path class=\"line c{index}\" d=\"{path}\"/>");
        }
        svg + "</svg></figure>\n"
    }

    fn legend(&self) -> String {
        let named = self.lines.iter().enumerate().filter(|(_, (name, _))| !name.is_empty());
        named.fold(String::new(), |mut legend, (index, (name, _))| {
            let _ = write!(legend, " <span class=\"c{index}\">{}</span>", escaped(name));
            legend
        })
    }

    fn marks(&self, low: f64, high: f64) -> Vec<(f64, String)> {
        if !self.marks.is_empty() {
            return self.marks.clone();
        }
        let at = |step: usize| low + (high - low) * step as f64 / (STEPS - 1) as f64;
        (0..STEPS).map(|step| (at(step), format!("{:.0}", at(step)))).collect()
    }
}

/// The next number upwards that people like to see on an axis.
fn ceiling(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let nice = [1.0, 2.0, 4.0, 8.0, 10.0].map(|factor| factor * power);
    nice.into_iter().find(|nice| *nice >= value).unwrap_or(10.0 * power)
}

fn number(value: f64) -> String {
    match value {
        value if value >= 10_000.0 => format!("{:.0}k", value / 1_000.0),
        value if value >= 10.0 || value == 0.0 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// Text that stands in HTML as it is.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_where_its_points_are() {
        let lines = vec![("one", vec![(0.0, 0.0), (5.0, 4.0), (10.0, 8.0)])];
        let svg = Plot { title: "a < b", below: "s", marks: vec![], lines }.draw();
        assert!(svg.contains("d=\"M58.0 210.0L343.0 112.0L628.0 14.0\""), "{svg}");
        assert!(svg.contains("a &lt; b") && svg.contains("<span class=\"c0\">one</span>"));
    }

    #[test]
    fn a_point_is_no_line() {
        let lines = vec![("one", vec![(0.0, 0.0)]), ("two", vec![])];
        assert_eq!(Plot { title: "t", below: "s", marks: vec![], lines }.draw(), "");
    }

    proptest! {
        #[test]
        fn a_ceiling_is_above_and_near(value in 1e-6_f64..1e9) {
            prop_assert!(ceiling(value) >= value && ceiling(value) <= 2.0 * value * 1.0001);
        }

        #[test]
        fn every_point_is_inside(ys in proptest::collection::vec(0.0_f64..1e6, 2..50)) {
            let points = ys.iter().enumerate().map(|(x, y)| (x as f64, *y)).collect();
            let svg = Plot { title: "", below: "", marks: vec![], lines: vec![("", points)] }.draw();
            let path = svg.split("class=\"line c0\" d=\"M").nth(1).expect("a line");
            let path = path.split('"').next().expect("an end");
            for point in path.split('L') {
                let (x, y) = point.split_once(' ').expect("a point");
                let (x, y): (f64, f64) = (x.parse().expect("a number"), y.parse().expect("a number"));
                prop_assert!((LEFT - 0.1..=WIDTH).contains(&x) && (TOP - 0.1..=HEIGHT).contains(&y));
            }
        }
    }
}
