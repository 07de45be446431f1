/// The program `lattice`: its commands, its exit codes (0 done, 1 failed, 2 wrong usage or
/// configuration), its logging, and how the process ends. Commands run on the main thread; a stop
/// signal runs on the runtime's shutdown thread. Nothing here knows Raft, gRPC or the store: `start`
/// hands a valid configuration to [io.lattice.gateway.node.LatticeNode].
@NullMarked
package io.lattice.gateway.cli;

import org.jspecify.annotations.NullMarked;
