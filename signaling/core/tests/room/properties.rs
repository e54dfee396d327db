//! Whatever happens in whatever order, some things hold: `crowd/checks.rs` has them.

use proptest::prelude::*;

use crate::crowd::Crowd;
use crate::steps::steps;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_everybody_knows_the_same(steps in steps()) {
        let mut crowd = Crowd::new();
        for step in steps {
            crowd.step(step);
        }
        crowd.finish();
    }
}
