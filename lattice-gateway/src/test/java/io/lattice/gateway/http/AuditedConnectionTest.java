package io.lattice.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.lattice.gateway.observability.AuditLog;
import io.lattice.gateway.observability.RequestIds;
import io.lattice.gateway.security.DevCertificates;
import io.lattice.gateway.security.TlsFiles;
import io.lattice.proto.etcdserverpb.RangeRequest;
import java.nio.file.Path;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/// The audit log of real connections with certificates.
class AuditedConnectionTest {
    @TempDir Path directory;

    private final Logger logger = (Logger) LoggerFactory.getLogger(AuditLog.LOGGER);
    private final ListAppender<ILoggingEvent> lines = new ListAppender<>();

    @BeforeEach
    void listen() {
        lines.list = new CopyOnWriteArrayList<>();
        lines.start();
        logger.setLevel(Level.INFO);
        logger.addAppender(lines);
    }

    @AfterEach
    void stopListening() {
        logger.detachAppender(lines);
    }

    @Test
    void bothProtocolsNameTheCertificatesOwner() throws Exception {
        DevCertificates ca = PortFixture.authority(directory);
        TlsFiles client = ca.createClient("auditor");
        AuditLog audit = new AuditLog(true, new RequestIds(), (_, _) -> "acme");
        try (PortFixture fixture =
                PortFixture.behind(ca.createServer("n1", "n1", "localhost"), audit)) {
            fixture.grpc(client, true).range(RangeRequest.getDefaultInstance());
            assertThat(
                            fixture.http(PortFixture.context(client, true), "/v3/kv/range", "{}")
                                    .statusCode())
                    .isEqualTo(200);
        }

        assertThat(lines.list)
                .extracting(ILoggingEvent::getFormattedMessage)
                .hasSize(2)
                .allSatisfy(line ->
                        assertThat(line)
                                .contains("who=auditor", "operation=etcdserverpb.KV/Range"));
    }
}
