/// What stands before etcd's services, and single classes of theirs.
@NullMarked
package io.lattice.gateway.grpc;

import org.jspecify.annotations.NullMarked;
