package io.lattice.it.differential;

import java.util.List;
import java.util.Random;

/// Makes sequences of requests; the same random source gives the same sequence.
@FunctionalInterface
public interface SequenceSource {
    /// The next sequence. It never holds a request that breaks the oracle.
    List<Step> next(Random random);
}
