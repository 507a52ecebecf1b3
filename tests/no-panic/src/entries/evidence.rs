//! A sequential test with any tables, any state and any statistics.

use flow_embedded::detect::Change;
use flow_embedded::detect::evidence::{Bet, EvidenceTable, Pattern, SequentialTest};

use crate::unknown::{bytes, keep, keep_all, model, numbers, slice, word};

fn bet() -> Bet {
    Bet {
        statistic: word() as u8,
        pattern: if word() == 0 {
            Pattern::Level
        } else {
            Pattern::Repeat
        },
        row: word() as u16,
        threshold: word() as u8,
    }
}

#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) fn entry_evidence() {
    let bets: [Bet; 9] = core::array::from_fn(|_| bet());
    let scores: [i8; 64] = core::array::from_fn(|_| word() as i8);
    let Some(scores) = scores.get(word() as usize..) else {
        return;
    };
    let table = EvidenceTable::new(word() as usize, slice(), scores, &bets);
    keep(table.check(word() as usize).is_ok().into());
    let mut test = match SequentialTest::<3, 9>::restore(&model(), &table, bytes()) {
        Ok(test) => test,
        Err(_) => SequentialTest::new(),
    };
    for _ in 0..2 {
        let evidence = test.observe(&table, &numbers());
        keep_all(&evidence.levels);
        keep(evidence.level());
        let numbers: [f32; 1] = numbers();
        keep((Change::of(&evidence, &table, numbers[0]) == Change::Drift).into());
        keep(evidence.statistic().map_or(-1.0, |index| index as f32));
    }
    let mut buffer = [0; SequentialTest::<3, 9>::BYTES];
    keep(test.save(&model(), &mut buffer).is_ok().into());
    test.reset();
    keep(test.save(&model(), &mut buffer).is_ok().into());
}
