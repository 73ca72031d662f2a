//! Picking leaves at random, and what a sample without a fault says about the rest.

use super::Job;
use rand::{rngs::StdRng, Rng, SeedableRng};
use std::str::FromStr;

/// The most leaves that are picked by number: they are kept until the walk is through, in some
/// 64 MB.
pub const MOST: u64 = 1_000_000;

/// Which leaves of files are checked. Inner nodes always are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sample {
	/// So many, each set of that size as likely as any other; all, when there are no more. At
	/// least 1 and at most [`MOST`].
	Count(u64),
	/// Each with this probability, greater than 0 and at most 1.
	Share(f64),
}

/// `500` or `2.5%`.
impl FromStr for Sample {
	type Err = String;

	fn from_str(text: &str) -> Result<Self, String> {
		let expected = || {
			format!("'{text}' is no sample: expected a number of chunks up to {MOST}, or a share as in 5%")
		};
		match text.strip_suffix('%') {
			Some(percent) => match percent.parse::<f64>() {
				Ok(percent) if percent > 0.0 && percent <= 100.0 => {
					Ok(Self::Share(percent / 100.0))
				},
				_ => Err(expected()),
			},
			None => match text.parse() {
				Ok(count) if (1..=MOST).contains(&count) => Ok(Self::Count(count)),
				_ => Err(expected()),
			},
		}
	}
}

/// Decides leaf by leaf, without knowing how many will come.
pub(super) struct Picker {
	sample: Option<Sample>,
	random: StdRng,
	/// How many leaves came.
	pub(super) seen: u64,
	/// Those that are picked by now, and may be put back.
	picked: Vec<Job>,
}

/// What becomes of a leaf.
pub(super) enum Pick {
	/// It is to be checked now.
	Check(Job),
	/// It is not to be checked. It may be another one than the one that came.
	Skip(Job),
	/// That is decided later.
	Later,
}

impl Picker {
	pub(super) fn new(sample: Option<Sample>) -> Self {
		// Seeded by the system: whoever keeps the chunks can't know which will be asked for.
		Self { sample, random: StdRng::from_entropy(), seen: 0, picked: Vec::new() }
	}

	pub(super) fn pick(&mut self, job: Job) -> Pick {
		self.seen = self.seen.saturating_add(1);
		match self.sample {
			None => Pick::Check(job),
			Some(Sample::Share(share)) => match self.random.gen_bool(share.clamp(0.0, 1.0)) {
				true => Pick::Check(job),
				false => Pick::Skip(job),
			},
			Some(Sample::Count(count)) => {
				if (self.picked.len() as u64) < count.min(MOST) {
					self.picked.push(job);
					return Pick::Later;
				}
				let place = self.random.gen_range(0..self.seen);
				match usize::try_from(place).ok().and_then(|place| self.picked.get_mut(place)) {
					Some(other) => Pick::Skip(std::mem::replace(other, job)),
					None => Pick::Skip(job),
				}
			},
		}
	}

	/// What was left for later, once no more leaves come.
	pub(super) fn rest(&mut self) -> Vec<Job> {
		std::mem::take(&mut self.picked)
	}
}

/// The probability that `checked` of `leaves` leaves, picked at random, are all good, when `bad`
/// of all are bad.
pub fn missed(leaves: u64, checked: u64, bad: u64) -> f64 {
	// Checking these and finding none of those is the same the other way round.
	let (few, many) = (checked.min(bad), checked.max(bad));
	let mut probability = 1.0;
	for at in 0..few {
		let left = leaves.saturating_sub(many).saturating_sub(at);
		probability *= left as f64 / leaves.saturating_sub(at) as f64;
		if probability < 1e-12 {
			return 0.0;
		}
	}
	probability
}

/// How many leaves at most are bad, with a confidence of 95 %, when none of the `checked` is: if
/// there were more, a sample like this would have found one with at least that probability.
pub fn at_most_bad(leaves: u64, checked: u64) -> u64 {
	let (mut possible, mut unlikely) = (0, leaves.saturating_sub(checked).saturating_add(1));
	while unlikely - possible > 1 {
		let middle = possible + (unlikely - possible) / 2;
		match missed(leaves, checked, middle) >= 0.05 {
			true => possible = middle,
			false => unlikely = middle,
		}
	}
	possible
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::chunk::ChunkId;

	#[test]
	fn samples_are_read() {
		assert_eq!("500".parse(), Ok(Sample::Count(500)));
		assert_eq!("2.5%".parse(), Ok(Sample::Share(0.025)));
		assert_eq!("100%".parse(), Ok(Sample::Share(1.0)));
		for bad in ["", "0", "0%", "101%", "-1%", "nan%", "inf%", "%", "x", "1000001", "5 %"] {
			assert!(bad.parse::<Sample>().is_err(), "{bad}");
		}
	}

	#[test]
	fn the_probability_of_missing_is_that_of_drawing_without_putting_back() {
		// By hand: 2 of 5, 1 bad: 3/5; 2 bad: 3/5 * 2/4.
		assert!((missed(5, 2, 1) - 0.6).abs() < 1e-9);
		assert!((missed(5, 2, 2) - 0.3).abs() < 1e-9);
		assert!((missed(5, 1, 2) - 0.6).abs() < 1e-9);
		assert_eq!((missed(5, 5, 1), missed(5, 2, 4), missed(5, 2, 0)), (0.0, 0.0, 1.0));
		assert_eq!((missed(5, 0, 3), missed(0, 0, 0)), (1.0, 1.0));
		// One percent of many: as good as with putting back.
		assert!((missed(1_000_000, 300, 10_000) - 0.99f64.powi(300)).abs() < 1e-3);
	}

	#[test]
	fn the_bound_is_where_the_probability_falls_below_one_in_twenty() {
		for (leaves, checked) in [(0, 0), (1, 0), (1, 1), (100, 10), (5000, 300), (1 << 24, 3000)] {
			let most = at_most_bad(leaves, checked);
			assert!(missed(leaves, checked, most) >= 0.05);
			assert!(most == leaves - checked || missed(leaves, checked, most + 1) < 0.05);
		}
		assert_eq!(at_most_bad(1000, 1000), 0);
		assert_eq!(at_most_bad(1000, 0), 1000);
		// The rule of three: 3 / 300 = 1 %.
		let share = at_most_bad(1 << 24, 300) as f64 / (1u64 << 24) as f64;
		assert!((0.0095..0.0101).contains(&share), "{share}");
	}

	/// Each leaf is picked as often as any other, up to chance: 5 sigma.
	#[test]
	fn no_leaf_is_preferred() {
		let (leaves, rounds) = (50u64, 4000);
		for sample in [Sample::Count(10), Sample::Share(0.2)] {
			let mut times = [0u32; 50];
			for _ in 0..rounds {
				let mut picker = Picker::new(Some(sample));
				let mut picked = Vec::new();
				for offset in 0..leaves {
					let job = Job { path: [][..].into(), offset, id: ChunkId([0; 32]), length: 1 };
					if let Pick::Check(job) = picker.pick(job) {
						picked.push(job);
					}
				}
				picked.extend(picker.rest());
				if let Sample::Count(count) = sample {
					assert_eq!(picked.len() as u64, count);
				}
				picked.iter().for_each(|job| times[job.offset as usize] += 1);
			}
			let (mean, sigma) = (0.2 * f64::from(rounds), (0.16 * f64::from(rounds)).sqrt());
			for count in times {
				assert!((f64::from(count) - mean).abs() < 5.0 * sigma, "{sample:?}: {times:?}");
			}
		}
	}
}
