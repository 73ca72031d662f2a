//! What stands first in the help of each command.

pub const NODE: &str = "\
Examples:
  thin-node --dev                                a chain of one validator, for a try
  thin-node --chain spec.json --base-path DIR --thin-from latest --thin-proof wss://rpc.example.org
                                                 a node from a snapshot
  thin-node --chain spec.json --base-path DIR    again: it remembers its snapshot
  thin-node snapshot create --chain spec.json --base-path DIR --store zdb://host/images
                                                 a snapshot of a node's database
";

pub const SNAPSHOT: &str = "\
Examples:
  thin-node snapshot create --chain spec.json --base-path DIR --store zdb://host/images
  thin-node snapshot audit 0x5f0c… --chain spec.json --store zdb://host/images
  thin-node snapshot prove latest --chain spec.json --out proof
";

pub const KEY: &str = "\
Examples:
  thin-node key generate-node-key --chain spec.json --base-path DIR      a validator's, for the network
  thin-node key insert --chain spec.json --base-path DIR --key-type thin --scheme sr25519 --suri '…'
                                                 what --thin-publish and --thin-attest sign with
";

pub const BUILD_SPEC: &str = "\
Example:
  thin-node build-spec --chain local --raw >spec.json
";

pub const EXPORT_CHAIN_SPEC: &str = "\
Example:
  thin-node export-chain-spec --chain local --raw --output spec.json
";

pub const CHECK_BLOCK: &str = "\
Example:
  thin-node check-block 64 --chain spec.json --base-path DIR
";

pub const EXPORT_BLOCKS: &str = "\
Examples:
  thin-node export-blocks blocks --binary --chain spec.json --base-path DIR
  thin-node export-blocks --from 1 --to 64 --chain spec.json --base-path DIR     as JSON
";

pub const EXPORT_STATE: &str = "\
Example:
  thin-node export-state 64 --chain spec.json --base-path DIR >state.json
";

pub const IMPORT_BLOCKS: &str = "\
Example:
  thin-node import-blocks blocks --binary --chain spec.json --base-path DIR
";

pub const PURGE_CHAIN: &str = "\
Example:
  thin-node purge-chain --chain spec.json --base-path DIR    asks first; -y doesn't
";

pub const REVERT: &str = "\
Example:
  thin-node revert 10 --chain spec.json --base-path DIR
";

pub const CHAIN_INFO: &str = "\
Example:
  thin-node chain-info --chain spec.json --base-path DIR     one JSON object
";

pub const COMPLETIONS: &str = "\
Examples:
  thin-node completions bash >~/.local/share/bash-completion/completions/thin-node
  thin-node completions fish >~/.config/fish/completions/thin-node.fish
  thin-node completions zsh >~/.zfunc/_thin-node      with ~/.zfunc in fpath
";

pub const MAN: &str = "\
Examples:
  thin-node man /usr/local/share/man/man1
  thin-node man /tmp/pages && man /tmp/pages/thin-node-snapshot-create.1
";
