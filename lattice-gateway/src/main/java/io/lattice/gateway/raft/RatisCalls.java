package io.lattice.gateway.raft;

import io.lattice.statemachine.raft.BatchMessage;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.GroupManagementRequest;
import org.apache.ratis.protocol.RaftClientAsynchronousProtocol;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.protocol.SetConfigurationRequest;
import org.apache.ratis.protocol.TransferLeadershipRequest;
import org.apache.ratis.server.RaftServer;
import org.jspecify.annotations.Nullable;

/// What this process asks of its own Ratis server, without the network. Thread-safe. Each call may wait for Ratis'
/// locks, which Ratis holds while it persists a vote.
final class RatisCalls implements EntrySink {
    private static final long TRANSFER_TIMEOUT_MS = 3_000;

    private final RaftServer server;
    private final RaftGroupId groupId;
    private final ClientId clientId = ClientId.randomId();
    private final AtomicLong callIds = new AtomicLong();

    RatisCalls(RaftServer server, RaftGroupId groupId) {
        this.server = server;
        this.groupId = groupId;
    }

    @Override
    public void submit(BatchMessage message, Consumer<Throwable> failed) {
        RaftClientRequest request =
                RaftClientRequest.newBuilder()
                        .setClientId(clientId)
                        .setServerId(server.getId())
                        .setGroupId(groupId)
                        .setCallId(callIds.incrementAndGet())
                        .setMessage(message)
                        .setType(RaftClientRequest.writeRequestType())
                        .build();
        CompletableFuture<RaftClientReply> answer;
        try {
            // The division itself: by way of the server, a call would be handed to a pool and
            // waited for there.
            answer =
                    ((RaftClientAsynchronousProtocol) server.getDivision(groupId))
                            .submitClientRequestAsync(request);
        } catch (IOException | RuntimeException e) {
            failed.accept(e);
            return;
        }
        CompletableFuture<RaftClientReply> _ =
                answer.whenComplete((reply, e) -> {
                    if (e != null) {
                        failed.accept(e);
                    } else if (!reply.isSuccess()) {
                        failed.accept(reply.getException());
                    }
                });
    }

    /// Opens the group on this server.
    ///
    /// @param fresh whether its files are to be made; else they are there
    CompletableFuture<RaftClientReply> addGroup(RaftGroup group, boolean fresh) throws IOException {
        return server.groupManagementAsync(
                GroupManagementRequest.newAdd(
                        clientId, server.getId(), callIds.incrementAndGet(), group, fresh));
    }

    /// Closes the group on this server. Its files stay.
    CompletableFuture<RaftClientReply> removeGroup() throws IOException {
        return server.groupManagementAsync(
                GroupManagementRequest.newRemove(
                        clientId,
                        server.getId(),
                        callIds.incrementAndGet(),
                        groupId,
                        false,
                        false));
    }

    /// Changes the members, as the leader, if they still are `current`.
    CompletableFuture<RaftClientReply> changeMembers(List<RaftPeer> current, List<RaftPeer> changed)
            throws IOException {
        return server.setConfigurationAsync(
                new SetConfigurationRequest(
                        clientId,
                        server.getId(),
                        groupId,
                        callIds.incrementAndGet(),
                        SetConfigurationRequest.Arguments.newBuilder()
                                .setMode(SetConfigurationRequest.Mode.COMPARE_AND_SET)
                                .setServersInCurrentConf(current)
                                .setServersInNewConf(changed)
                                .build()));
    }

    /// Gives up leadership.
    ///
    /// @param newLeader who is to lead; Ratis waits up to 3 s until it has the whole log and is elected, and writes are
    ///     refused meanwhile. Null: whoever wins the next election, perhaps this node again
    CompletableFuture<RaftClientReply> transferLeadership(@Nullable String newLeader)
            throws IOException {
        return server.transferLeadershipAsync(
                new TransferLeadershipRequest(
                        clientId,
                        server.getId(),
                        groupId,
                        callIds.incrementAndGet(),
                        newLeader == null ? null : RaftPeerId.valueOf(newLeader),
                        TRANSFER_TIMEOUT_MS));
    }
}
