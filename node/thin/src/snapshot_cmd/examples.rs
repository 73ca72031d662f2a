//! What stands first in the help of each subcommand.

pub const LIST: &str = "\
Examples:
  thin-node snapshot list --certified --rpc wss://rpc.example.org
  thin-node snapshot list --json | jq -r '.snapshots[].id'
";

pub const SHOW: &str = "\
Example:
  thin-node snapshot show 0x5f0c… --rpc wss://rpc.example.org
";

pub const REGISTER: &str = "\
Example:
  thin-node snapshot register snapshot-64.json --key-file KEY --rpc wss://rpc.example.org
";

pub const ATTEST: &str = "\
Example:
  thin-node snapshot attest 0x5f0c… --keystore DIR/chains/CHAIN/keystore
";

pub const PREPARE: &str = "\
Example:
  thin-mount mount IMAGE DIR/chains/CHAIN/db/full --store zdb://host/images --write overlay \\
      --upper DIR/upper --background
  thin-node snapshot prepare --thin-from 0x5f0c… --thin-proof wss://rpc.example.org \\
      --base-path DIR --chain spec.json
";

pub const CREATE: &str = "\
Examples:
  thin-node snapshot create --chain spec.json --base-path DIR --store zdb://:PASSWORD@host/images
  thin-node snapshot create --chain spec.json --base-path DIR --out snapshot.json --json \\
      --store zdb://:PASSWORD@a/images --store zdb://:PASSWORD@b/images
";

pub const PROVE: &str = "\
Examples:
  thin-node snapshot prove latest --chain spec.json --rpc wss://rpc.example.org --out proof
  thin-node snapshot prove 0x5f0c… --chain spec.json --store zdb://:PASSWORD@host/images
";

pub const CHECK: &str = "\
Examples:
  thin-node snapshot check proof --chain spec.json
  thin-node snapshot check proof --chain spec.json --json | jq .standing_stake
";

pub const AUDIT: &str = "\
Examples:
  thin-node snapshot audit 0x5f0c… --chain spec.json --store zdb://host/images
  thin-node snapshot audit 0x5f0c… --chain spec.json --store zdb://host/images --restore --json
";
