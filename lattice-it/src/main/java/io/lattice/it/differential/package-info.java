/// Differential testing: the same requests go to the real etcd and to Lattice, and every field of every
/// answer has to be equal. Reading order: [RandomRequests] and [KubernetesRequests] make sequences,
/// [Lockstep] plays them on both stores, [ReplyComparison] judges, [Shrinker] finds the smallest list of
/// requests that still shows a difference, [DifferentialRun] ties them together. One thread runs it all.
@NullMarked
package io.lattice.it.differential;

import org.jspecify.annotations.NullMarked;
