/// Tests of the client port.
@NullMarked
package io.lattice.gateway.http;

import org.jspecify.annotations.NullMarked;
