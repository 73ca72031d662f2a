//! Several stores that share the keys among them by the first byte, in rfs's notation:
//! `00-7f=zdb://…` and `80-ff=zdb://…`.

use super::{address::redacted, Key, OnPage, Question, Store, StoreError};
use crate::chunk::ChunkId;
use bytes::Bytes;
use std::sync::Arc;

/// Stores that hold one part of the keys each.
pub struct ShardedStore {
	name: String,
	shards: Vec<Arc<dyn Store>>,
	/// Which shard holds the keys that start with this byte.
	routes: [usize; 256],
}

/// The first bytes of keys that a shard holds, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ShardRange {
	first: u8,
	last: u8,
}

impl ShardRange {
	/// Takes `00-7f=` off a store's URL. `None` when it starts with no range.
	pub fn split(url: &str) -> Result<Option<(Self, &str)>, StoreError> {
		let Some((range, rest)) = url.split_once('=') else { return Ok(None) };
		if range.contains(':') {
			return Ok(None);
		}
		let byte = |digits: &str| {
			let valid = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
			valid.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
		};
		match range.split_once('-').map(|(first, last)| (byte(first), byte(last))) {
			Some((Some(first), Some(last))) if first <= last => {
				Ok(Some((Self { first, last }, rest)))
			},
			_ => Err(StoreError::Url {
				url: redacted(url),
				reason: "a shard is two bytes in hexadecimal, the lower first: 00-7f=zdb://…"
					.into(),
			}),
		}
	}
}

impl ShardedStore {
	/// Joins shards, which must hold every first byte once.
	pub fn new(shards: Vec<(ShardRange, Arc<dyn Store>)>) -> Result<Self, StoreError> {
		let names: Vec<_> = shards
			.iter()
			.map(|(range, store)| {
				format!("{:02x}-{:02x}={}", range.first, range.last, store.name())
			})
			.collect();
		let name = names.join(",");
		let mut routes = [None; 256];
		for (at, (range, _)) in shards.iter().enumerate() {
			for byte in range.first..=range.last {
				if routes[usize::from(byte)].replace(at).is_some() {
					let reason = format!("keys that start with {byte:02x} are in two shards");
					return Err(StoreError::Url { url: name, reason });
				}
			}
		}
		let mut complete = [0; 256];
		for (byte, route) in routes.iter().enumerate() {
			complete[byte] = route.ok_or_else(|| StoreError::Url {
				url: name.clone(),
				reason: format!("keys that start with {byte:02x} are in no shard"),
			})?;
		}
		let shards = shards.into_iter().map(|(_, store)| store).collect();
		Ok(Self { name, shards, routes: complete })
	}

	fn route(&self, key: &[u8]) -> usize {
		self.routes[usize::from(key.first().copied().unwrap_or_default())]
	}

	/// Does `work` on every shard for the items that are its own, and gives the results in the
	/// order of the items.
	fn spread<T: Sync, R: Send>(
		&self,
		items: &[T],
		key: impl Fn(&T) -> &[u8],
		work: impl Fn(&dyn Store, Vec<&T>) -> Result<Vec<R>, StoreError> + Sync,
	) -> Result<Vec<R>, StoreError> {
		let mut parts: Vec<Vec<usize>> = vec![Vec::new(); self.shards.len()];
		for (at, item) in items.iter().enumerate() {
			parts[self.route(key(item))].push(at);
		}
		let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
		let work = &work;
		std::thread::scope(|scope| {
			let threads: Vec<_> = parts
				.iter()
				.zip(&self.shards)
				.filter(|(part, _)| !part.is_empty())
				.map(|(part, shard)| {
					let own: Vec<&T> = part.iter().map(|at| &items[*at]).collect();
					(part, shard, scope.spawn(move || work(&**shard, own)))
				})
				.collect();
			for (part, shard, thread) in threads {
				let values = match thread.join() {
					Ok(values) => values?,
					Err(panic) => std::panic::resume_unwind(panic),
				};
				if values.len() != part.len() {
					return Err(StoreError::Unreachable {
						store: shard.name().to_owned(),
						reason: "it gave another number of answers than questions".into(),
					});
				}
				for (at, value) in part.iter().zip(values) {
					results[*at] = Some(value);
				}
			}
			Ok(())
		})?;
		Ok(results.into_iter().flatten().collect())
	}
}

impl Store for ShardedStore {
	fn name(&self) -> &str {
		&self.name
	}

	fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
		self.spread(
			keys,
			|key| key,
			|shard, keys| shard.get_many(&keys.into_iter().cloned().collect::<Vec<_>>()),
		)
	}

	fn ask(&self, keys: &[Key]) -> Option<Box<dyn Question>> {
		let shard = self.route(keys.first()?);
		let in_one = keys.iter().all(|key| self.route(key) == shard);
		in_one.then(|| self.shards[shard].ask(keys)).flatten()
	}

	fn has_many(&self, keys: &[Key]) -> Result<Vec<bool>, StoreError> {
		self.spread(
			keys,
			|key| key,
			|shard, keys| shard.has_many(&keys.into_iter().cloned().collect::<Vec<_>>()),
		)
	}

	fn put_many(&self, records: &[(Key, Bytes)]) -> Result<(), StoreError> {
		self.spread(
			records,
			|(key, _)| key,
			|shard, records| {
				let records: Vec<_> = records.into_iter().cloned().collect();
				shard.put_many(&records)?;
				Ok(vec![(); records.len()])
			},
		)?;
		Ok(())
	}

	fn put_chunks(&self, chunks: &[(ChunkId, Bytes)]) -> Result<(), StoreError> {
		self.spread(
			chunks,
			|(id, _)| &id.0,
			|shard, chunks| {
				let chunks: Vec<_> = chunks.into_iter().cloned().collect();
				shard.put_chunks(&chunks)?;
				Ok(vec![(); chunks.len()])
			},
		)?;
		Ok(())
	}

	/// What lies in a shard that would not be asked for it is left out.
	fn scan(&self, page: OnPage<'_>) -> Result<(), StoreError> {
		for (at, shard) in self.shards.iter().enumerate() {
			shard.scan(&mut |mut listed| {
				listed.retain(|value| self.route(&value.key) == at);
				page(listed)
			})?;
		}
		Ok(())
	}

	fn delete_many(&self, keys: &[Key]) -> Result<(), StoreError> {
		self.spread(
			keys,
			|key| key,
			|shard, keys| {
				let keys: Vec<_> = keys.into_iter().cloned().collect();
				shard.delete_many(&keys)?;
				Ok(vec![(); keys.len()])
			},
		)?;
		Ok(())
	}

	fn flush(&self) -> Result<(), StoreError> {
		self.shards.iter().try_for_each(|shard| shard.flush())
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use parking_lot::Mutex;
	use std::collections::HashMap;

	#[derive(Default)]
	struct Memory(Mutex<HashMap<Key, Bytes>>);

	impl Store for Memory {
		fn name(&self) -> &str {
			"memory"
		}
		fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
			Ok(keys.iter().map(|key| self.0.lock().get(key).cloned()).collect())
		}
		fn has_many(&self, keys: &[Key]) -> Result<Vec<bool>, StoreError> {
			Ok(keys.iter().map(|key| self.0.lock().contains_key(key)).collect())
		}
		fn put_many(&self, records: &[(Key, Bytes)]) -> Result<(), StoreError> {
			self.0.lock().extend(records.iter().cloned());
			Ok(())
		}
	}

	fn shard(url: &str, store: &Arc<Memory>) -> (ShardRange, Arc<dyn Store>) {
		let (range, _) = ShardRange::split(url).unwrap().unwrap();
		(range, store.clone())
	}

	#[test]
	fn ranges_are_read() {
		assert_eq!(
			ShardRange::split("00-7F=zdb://h/ns").unwrap(),
			Some((ShardRange { first: 0, last: 0x7f }, "zdb://h/ns"))
		);
		assert_eq!(ShardRange::split("zdb://:a=b@h/ns").unwrap(), None);
		assert_eq!(ShardRange::split("dir:///tmp/a=b").unwrap(), None);
		for bad in ["7f-00=x", "0-7f=x", "00=x", "=x", "zz-ff=x", "00-100=x", "+0-+1=x"] {
			assert!(ShardRange::split(bad).is_err(), "{bad}");
		}
	}

	#[test]
	fn shards_must_cover_everything_once() {
		let store = Arc::new(Memory::default());
		let refused = |urls: &[&str]| {
			ShardedStore::new(urls.iter().map(|url| shard(url, &store)).collect()).is_err()
		};
		assert!(!refused(&["00-7f=a", "80-ff=b"]));
		assert!(!refused(&["80-ff=a", "00-7f=b"]));
		assert!(refused(&["00-7f=a", "81-ff=b"]));
		assert!(refused(&["00-80=a", "80-ff=b"]));
		assert!(refused(&["00-fe=a"]));
		assert!(refused(&[]));
	}

	#[test]
	fn every_key_goes_to_its_shard_and_answers_keep_their_order() {
		let (low, high) = (Arc::new(Memory::default()), Arc::new(Memory::default()));
		let sharded =
			ShardedStore::new(vec![shard("00-7f=a", &low), shard("80-ff=b", &high)]).unwrap();
		let records: Vec<(Key, Bytes)> =
			(0..=255u8).rev().map(|byte| (vec![byte, 1].into(), vec![byte].into())).collect();
		sharded.put_many(&records).unwrap();
		assert_eq!((low.0.lock().len(), high.0.lock().len()), (128, 128));
		assert!(low.0.lock().keys().all(|key| key[0] < 0x80));
		let keys: Vec<_> = records.iter().map(|(key, _)| key.clone()).collect();
		let values = sharded.get_many(&keys).unwrap();
		assert!(values.iter().zip(&records).all(|(got, (_, put))| got.as_ref() == Some(put)));
		assert_eq!(sharded.has_many(&["\u{1}x".into(), keys[3].clone()]).unwrap(), [false, true]);
	}
}
