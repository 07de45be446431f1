package io.lattice.gateway.raft;

import io.lattice.proto.peer.LeaveRequest;
import io.lattice.proto.peer.PeerRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;

/// How this process gives a group up. Thread-safe.
///
/// @param folders the group's in the log's directory
/// @param members reaches the group's members by their identities
record Leaving(RaftHost.Parts host, RaftFolders folders, PeerSender members) {
    /// Asks voters whether this node is out of the group for good. Only a leader that proves to be one says so.
    ///
    /// @param wanted whether this node wants to be
    /// @param gone called if so, on any thread, perhaps more than once
    void ask(Collection<String> voters, boolean wanted, Runnable gone) {
        String self = host.identity().raftId();
        for (String voter : voters) {
            if (!voter.equals(self)) {
                members.send(
                        voter,
                        PeerRequest.newBuilder()
                                .setLeave(
                                        LeaveRequest.newBuilder()
                                                .setRaftId(self)
                                                .setLeaving(wanted)),
                        reply -> {
                            if (reply != null && reply.getLeave().getGone()) {
                                gone.run();
                            }
                        });
            }
        }
    }

    /// Puts what this node has of a group aside. It must be closed.
    ///
    /// @return where it is
    List<Path> putAside(GroupSettings group) throws IOException {
        // Before the log is gone, which otherwise would count as lost if the group came back.
        host.identity().forgetFounders(group.id());
        Path stamp =
                Path.of(
                        "left",
                        "%s-%s-%d".formatted(group.name(), group.id(), System.currentTimeMillis()));
        Path log = host.settings().walDirectory().resolve(stamp);
        Path state = host.settings().dataDirectory().resolve(stamp);
        folders.moveLog(log);
        Path store = group.storeDirectory(host.settings().dataDirectory());
        if (Files.exists(store)) {
            Files.createDirectories(state);
            Files.move(store, state.resolve("state"));
        }
        return List.of(log, state);
    }
}
