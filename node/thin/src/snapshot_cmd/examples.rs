//! What stands first in the help of each subcommand.

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
