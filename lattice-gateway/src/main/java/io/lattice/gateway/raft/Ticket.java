package io.lattice.gateway.raft;

import io.lattice.gateway.raft.CommandQueue.Pending;
import io.lattice.proto.command.Proposal;
import io.lattice.proto.peer.ForwardRequest;
import io.lattice.proto.peer.PeerRequest;
import io.lattice.statemachine.apply.Outcome;
import java.util.List;

/// One proposal of this node and the callers that wait for it, in the order of its commands. Not thread-safe: the
/// proposer guards it.
final class Ticket {
    final Proposal proposal;
    final List<Pending> pendings;

    /// How many commands came early since the last one was made.
    final int earlyCommands;

    /// Whether some of its commands shouldn't wait for more.
    final boolean hurried;

    /// Whether it may be in the log without anybody here who would be told of a failure.
    boolean undecided;

    /// The term in which it was appended or forwarded, if it was.
    long term;

    /// How long the next one had better wait after this one.
    long pauseNanos;

    /// When it was applied, or made if it isn't yet.
    long appliedNanos = System.nanoTime();

    /// The leader that it was forwarded to; empty if it wasn't.
    String forwardedTo = "";

    Ticket(Proposal proposal, List<Pending> pendings, int earlyCommands, boolean hurried) {
        this.proposal = proposal;
        this.pendings = pendings;
        this.earlyCommands = earlyCommands;
        this.hurried = hurried;
    }

    /// Nobody will tell whether the entry of this term is in the log.
    void becomeUndecided(long appendTerm) {
        undecided = true;
        term = appendTerm;
    }

    /// Tells the callers, in order.
    void complete(List<Outcome> outcomes) {
        for (int i = 0; i < pendings.size(); i++) {
            pendings.get(i).completion().done(outcomes.get(i));
        }
    }

    void fail(ProposalFailure failure) {
        pendings.forEach(pending -> pending.completion().failed(failure));
    }

    /// Asks the leader of its term to put it into the log.
    ///
    /// @param raftId this node's
    PeerRequest.Builder request(String raftId) {
        return PeerRequest.newBuilder()
                .setForward(
                        ForwardRequest.newBuilder()
                                .setProposal(proposal)
                                .setRaftId(raftId)
                                .setTerm(term)
                                .setEarlyCommands(earlyCommands)
                                .setMayWait(!hurried));
    }

    long sequence() {
        return proposal.getSequence();
    }
}
