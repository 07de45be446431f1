package io.lattice.gateway.lease;

import io.lattice.gateway.raft.ProposalFailure;
import java.util.Collection;

/// Writes down what a caller is told, behind the name that it has here.
record RecordedAnswer(Collection<String> told, long name) implements Renewals.Answer {
    @Override
    public void renewed(long ttlSeconds) {
        told.add(name + ":" + ttlSeconds);
    }

    @Override
    public void failed(ProposalFailure failure) {
        told.add(name + ":" + failure);
    }
}
