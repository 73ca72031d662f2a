// The types of pallet-snapshots, in the shape that the metadata of a chain gives to polkadot-js.

import { TypeRegistry } from '@polkadot/types';

export function registryWithTypes() {
	const registry = new TypeRegistry();
	registry.register({
		Address: { _enum: { Ipv4: '[u8; 4]', Ipv6: '[u8; 16]', Dns: 'Bytes' } },
		Location: { address: 'Address', port: 'u16', namespace: 'Bytes' },
		DatabaseKind: { _enum: ['RocksDb', 'ParityDb'] },
		Database: { kind: 'DatabaseKind', version: 'u32' },
		Pruning: { _enum: { Archive: 'Null', ArchiveCanonical: 'Null', Keep: 'u32' } },
		ImageInfo: { image: 'H256', logicalSize: 'u64', database: 'Database', pruning: 'Pruning' },
		Manifest: {
			genesisHash: 'H256',
			blockNumber: 'u64',
			blockHash: 'H256',
			stateRoot: 'H256',
			image: 'H256',
			logicalSize: 'u64',
			database: 'Database',
			pruning: 'Pruning',
		},
		Origin: { _enum: ['Native', 'Foreign'] },
		Status: {
			_enum: {
				Pending: 'Null',
				Certified: { at: 'u32' },
				Disputed: { since: 'u32', before: 'Null' },
				Retired: { since: 'u32' },
				Fraudulent: { since: 'u32' },
			},
		},
		Snapshot: {
			manifest: 'Manifest',
			publisher: 'AccountId',
			origin: 'Origin',
			registeredAt: 'u32',
			expiresAt: 'u32',
			status: 'Status',
			deposit: 'u128',
			attested: 'u128',
			attesters: 'u32',
			quorum: 'u128',
			boundUntil: 'u32',
		},
		Attestation: { stake: 'u128', at: 'u32' },
		Dispute: {
			reporter: 'AccountId',
			evidence: 'H256',
			deposit: 'u128',
			since: 'u32',
			lapsesAt: 'u32',
		},
		Entry: { id: 'H256', snapshot: 'Snapshot', locations: 'Vec<Location>' },
		Page: { entries_: 'Vec<Entry>', next: 'Option<H256>' },
		Details: {
			id: 'H256',
			snapshot: 'Snapshot',
			locations: 'Vec<Location>',
			attestations: 'Vec<(AccountId, Attestation)>',
			standingStake: 'u128',
			requiredStake: 'u128',
			dispute: 'Option<Dispute>',
			reward: 'u128',
			expired: 'bool',
		},
		Maturing: { at: 'u32', value: 'u128' },
		Unlocking: { value: 'u128', since: 'u32', freeAt: 'u32' },
		Vouch: { snapshot: 'H256', at: 'u32' },
		AttesterInfo: {
			bonded: 'u128',
			matured: 'u128',
			maturing: 'Vec<Maturing>',
			unlocking: 'Vec<Unlocking>',
			withdrawable: 'u128',
			vouches: 'Vec<Vouch>',
		},
	});
	return registry;
}
