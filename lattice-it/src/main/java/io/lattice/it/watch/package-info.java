/// Records what servers send on watch streams, and judges it: against the promises of a watch, and against etcd.
@NullMarked
package io.lattice.it.watch;

import org.jspecify.annotations.NullMarked;
