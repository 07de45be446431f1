package io.lattice.gateway.node;

import io.lattice.gateway.config.LatticeConfig;
import io.lattice.gateway.grpc.Headers;
import io.lattice.gateway.raft.ProposalFailure;
import io.lattice.gateway.raft.Proposer;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.proto.command.Command;
import io.lattice.proto.command.PublishMember;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.apply.StoreUnavailableException;
import io.lattice.statemachine.mvcc.ReadView;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Makes this node's client URLs known to the whole cluster by a replicated command, so that MemberList answers them
/// anywhere. Tries until the state says so; publishing twice the same changes nothing.
final class MemberPublisher {
    private static final Logger LOG = LoggerFactory.getLogger(MemberPublisher.class);
    private static final long RETRY_MS = 500;

    private final RaftNode node;
    private final PublishMember record;
    private final ScheduledExecutorService looks;
    private volatile boolean stopping;

    /// @param looks shared by all groups
    MemberPublisher(
            RaftNode node,
            LatticeConfig config,
            Placement placement,
            ScheduledExecutorService looks) {
        this.node = node;
        this.looks = looks;
        this.record =
                PublishMember.newBuilder()
                        .setNodeId(config.cluster().nodeId())
                        .setMemberId(Headers.id(node.view().nodeId()))
                        .setRaftAddress(placement.self().raftAddress())
                        .addAllClientUrls(placement.clientUrls(config))
                        .build();
    }

    void start() {
        looks.execute(this::publish);
    }

    private void publish() {
        if (stopping || isPublished()) {
            return;
        }
        node.proposer()
                .propose(
                        Command.newBuilder().setPublishMember(record).build(),
                        new Proposer.Completion() {
                            @Override
                            public void done(Outcome outcome) {
                                LOG.debug("published {}", record);
                            }

                            @Override
                            public void failed(ProposalFailure failure) {
                                LOG.debug("not published yet: {}", failure);
                                again();
                            }
                        });
    }

    private boolean isPublished() {
        try (ReadView view = node.store().view()) {
            return record.equals(view.members().get(record.getNodeId()));
        } catch (StoreUnavailableException e) {
            // A snapshot is being installed, with or without this record: publishing again does no
            // harm.
            LOG.debug("can't tell whether this member is published", e);
            return false;
        }
    }

    private void again() {
        if (!stopping) {
            var _ = looks.schedule(this::publish, RETRY_MS, TimeUnit.MILLISECONDS);
        }
    }

    void stop() {
        stopping = true;
    }
}
