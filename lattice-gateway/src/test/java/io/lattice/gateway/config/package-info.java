/// Tests of the configuration: every kind of problem, every source, and the reference file.
@NullMarked
package io.lattice.gateway.config;

import org.jspecify.annotations.NullMarked;
