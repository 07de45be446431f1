/// The only package that touches RocksDB: opening, column families, key layout, reads, atomic batches,
/// checkpoints. Any thread may read; batches come from the apply thread and the compactor. It knows bytes and
/// families, not revisions or requests, and it never decides anything: every RocksDB failure leaves it as a
/// [StorageException].
@NullMarked
package io.lattice.statemachine.storage;

import org.jspecify.annotations.NullMarked;
