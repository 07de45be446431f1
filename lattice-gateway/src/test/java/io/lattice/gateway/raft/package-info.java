/// Tests of the Raft edge: its parts against hand-written fakes, and whole nodes in this JVM.
@NullMarked
package io.lattice.gateway.raft;

import org.jspecify.annotations.NullMarked;
