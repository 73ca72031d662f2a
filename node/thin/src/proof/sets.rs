//! Who was in charge when.

use codec::{Decode, Encode};
use sp_consensus_grandpa::{AuthorityId, AuthorityList, SetId};
use std::collections::BTreeMap;

/// The authorities of one set, and up to which block they were in charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetPeriod {
	/// The set's id: 0 at genesis.
	pub set_id: SetId,
	/// Who they are, and their weights.
	pub authorities: AuthorityList,
	/// The last block of the set; `None` for the one in charge after N.
	pub last_block: Option<u32>,
}

/// A set, whose members are places in a list that all sets share: authorities stay for years, and
/// there are tens of thousands of sets.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Set {
	last_block: Option<u32>,
	members: Vec<u32>,
	/// `None` when each has the weight 1.
	weights: Option<Vec<u64>>,
}

/// Who was in charge when, from genesis to N. The place of a set is its id.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SetHistory {
	authorities: Vec<AuthorityId>,
	sets: Vec<Set>,
}

impl SetHistory {
	/// The set that a justification of this block is signed by.
	pub fn period_of(&self, number: u32) -> Option<SetPeriod> {
		let before = |set: &Set| set.last_block.is_some_and(|last| last < number);
		self.period(self.sets.partition_point(before))
	}

	/// The set in charge of the block after N.
	pub fn current(&self) -> Option<SetPeriod> {
		self.period(self.sets.len().checked_sub(1)?)
	}

	/// The set in charge at genesis.
	pub(super) fn first(&self) -> Option<SetPeriod> {
		self.period(0)
	}

	/// Id and last block of every set that was replaced, in order.
	pub fn changes(&self) -> Vec<(SetId, u32)> {
		let ends = self.sets.iter().map(|set| set.last_block);
		(0..).zip(ends).filter_map(|(id, last)| Some((id, last?))).collect()
	}

	fn period(&self, index: usize) -> Option<SetPeriod> {
		let Set { last_block, members, weights } = self.sets.get(index)?;
		let authorities = members.iter().enumerate().map(|(place, member)| {
			let id = self.authorities.get(*member as usize)?.clone();
			let weight = match weights {
				Some(weights) => *weights.get(place)?,
				None => 1,
			};
			Some((id, weight))
		});
		let authorities = authorities.collect::<Option<_>>()?;
		Some(SetPeriod { set_id: index as SetId, authorities, last_block: *last_block })
	}
}

/// A history that grows.
#[derive(Default)]
pub(super) struct Sets {
	known: BTreeMap<AuthorityId, u32>,
	authorities: Vec<AuthorityId>,
	sets: Vec<Set>,
}

impl Sets {
	/// The next set, and its last block.
	pub fn push(&mut self, list: AuthorityList, last_block: Option<u32>) {
		let even = list.iter().all(|(_, weight)| *weight == 1);
		let weights = (!even).then(|| list.iter().map(|(_, weight)| *weight).collect());
		let members = list.into_iter().map(|(id, _)| self.place(id)).collect();
		self.sets.push(Set { last_block, members, weights });
	}

	fn place(&mut self, id: AuthorityId) -> u32 {
		if let Some(place) = self.known.get(&id) {
			return *place;
		}
		let place = self.authorities.len() as u32;
		self.authorities.push(id.clone());
		self.known.insert(id, place);
		place
	}

	/// All of it, with the set that is in charge now.
	pub fn end(mut self, current: AuthorityList) -> SetHistory {
		self.push(current, None);
		SetHistory { authorities: self.authorities, sets: self.sets }
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::testing::authorities;

	#[test]
	fn sets_come_out_as_they_went_in() {
		let mut heavy = authorities(0, 4);
		heavy[2].1 = 7;
		let lists = [authorities(0, 4), heavy, authorities(1, 3), authorities(0, 4)];
		let mut sets = Sets::default();
		for (number, list) in lists[..3].iter().enumerate() {
			sets.push(list.clone(), Some(10 * (number as u32 + 1)));
		}
		let history = sets.end(lists[3].clone());
		assert_eq!(history.authorities.len(), 7);
		for (number, set) in [(1, 0), (10, 0), (11, 1), (20, 1), (30, 2), (31, 3), (1_000, 3)] {
			let period = history.period_of(number).unwrap();
			assert_eq!((period.set_id, &period.authorities), (set as u64, &lists[set]));
		}
		assert_eq!(history.current().unwrap().last_block, None);
		assert_eq!(history.changes(), [(0, 10), (1, 20), (2, 30)]);
		let read = SetHistory::decode(&mut &history.encode()[..]).unwrap();
		assert_eq!(read, history);
	}

	#[test]
	fn a_damaged_history_names_nobody() {
		let mut sets = Sets::default();
		sets.push(authorities(0, 2), Some(1));
		let mut history = sets.end(authorities(0, 2));
		history.sets[0].members[1] = 9;
		assert_eq!(history.period_of(1), None);
	}
}
