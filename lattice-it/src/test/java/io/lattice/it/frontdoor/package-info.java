/// Tests of the client port with real processes: the JSON gateway beside etcd's, and what the deployment guide shows.
@NullMarked
package io.lattice.it.frontdoor;

import org.jspecify.annotations.NullMarked;
