package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.proto.peer.PeerRequest;
import io.lattice.proto.peer.TermRequest;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PeerClientsTest {
    @Test
    void theConnectionToARemovedMemberIsClosedAndWhatWaitsOnItFails() throws Exception {
        Map<String, String> members = new ConcurrentHashMap<>();
        try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                PeerClients clients = new PeerClients(members::get, null)) {
            members.put("n2", "127.0.0.1:" + silent.getLocalPort());
            CompletableFuture<Boolean> unanswered = new CompletableFuture<>();
            clients.send(
                    "n2",
                    PeerRequest.newBuilder().setTerm(TermRequest.getDefaultInstance()),
                    reply -> unanswered.complete(reply == null));
            try (Socket connection = silent.accept()) {
                clients.tick();
                assertThat(unanswered).isNotDone();

                members.remove("n2");
                clients.tick();

                assertThat(unanswered.get(10, TimeUnit.SECONDS)).isTrue();
                // Up to the end of the connection.
                connection.setSoTimeout(10_000);
                assertThat(connection.getInputStream().readAllBytes().length).isLessThan(1_000);
            }
        }
    }
}
