package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.StateMachineLogEntryProto;
import org.apache.ratis.server.RaftServerConfigKeys.Log.CorruptionPolicy;
import org.apache.ratis.server.raftlog.segmented.LogSegment;
import org.apache.ratis.server.raftlog.segmented.LogSegmentPath;
import org.apache.ratis.server.raftlog.segmented.SegmentedRaftLogOutputStream;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.thirdparty.com.google.protobuf.CodedOutputStream;
import org.apache.ratis.util.SizeInBytes;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Segments written by Ratis' own writer, then damaged as crashes and disks damage them.
class LogRepairTest {
    private static final int HEADER_BYTES = 8;
    private static final int CRC_BYTES = 4;
    private static final long SEGMENT_BYTES_MAX = 1 << 20;
    private static final long PREALLOCATED_BYTES = 1 << 13;

    @TempDir Path folder;
    private Path segment = Path.of("");

    @BeforeEach
    void nameSegment() {
        segment = folder.resolve("log_inprogress_0");
    }

    /// An entry whose varint has one byte if `dataBytes` is small, two otherwise.
    private static LogEntryProto entry(long index, int dataBytes) {
        byte[] data = new byte[dataBytes];
        for (int i = 0; i < dataBytes; i++) {
            data[i] = (byte) (index * 31 + i * 7 + 1);
        }
        return LogEntryProto.newBuilder()
                .setTerm(3)
                .setIndex(index)
                .setStateMachineLogEntry(
                        StateMachineLogEntryProto.newBuilder()
                                .setLogData(ByteString.copyFrom(data)))
                .build();
    }

    private static int recordBytes(LogEntryProto entry) {
        int size = entry.getSerializedSize();
        return CodedOutputStream.computeUInt32SizeNoTag(size) + size + CRC_BYTES;
    }

    private byte[] write(List<LogEntryProto> entries) throws IOException {
        try (SegmentedRaftLogOutputStream out =
                new SegmentedRaftLogOutputStream(
                        segment.toFile(),
                        false,
                        SEGMENT_BYTES_MAX,
                        PREALLOCATED_BYTES,
                        ByteBuffer.allocateDirect(1 << 16))) {
            for (LogEntryProto entry : entries) {
                out.write(entry);
            }
        }
        return Files.readAllBytes(segment);
    }

    private List<LogEntryProto> readByRatis() throws IOException {
        List<LogEntryProto> read = new ArrayList<>();
        LogSegment.readSegmentFile(
                segment.toFile(),
                LogSegmentPath.matchLogSegment(segment).getStartEnd(),
                SizeInBytes.valueOf("8MB"),
                CorruptionPolicy.EXCEPTION,
                null,
                read::add);
        return read;
    }

    private static int lengthOf(List<LogEntryProto> entries) {
        return HEADER_BYTES + entries.stream().mapToInt(LogRepairTest::recordBytes).sum();
    }

    @Test
    void aWholeSegmentIsLeftAlone() throws IOException {
        List<LogEntryProto> entries = List.of(entry(0, 40), entry(1, 300), entry(2, 5));
        byte[] before = write(entries);

        LogRepair.run(folder);

        assertThat(Files.readAllBytes(segment)).isEqualTo(before);
        assertThat(readByRatis()).isEqualTo(entries);
    }

    @Test
    void aMissingFolderAndAnEmptySegmentNeedNoRepair() throws IOException {
        byte[] before = write(List.of());

        LogRepair.run(folder);
        LogRepair.run(folder.resolve("absent"));

        assertThat(Files.readAllBytes(segment)).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(ints = {5, 40, 300})
    void aLastRecordThatStopsAnywhereInPreallocatedZerosIsCut(int dataBytes) throws IOException {
        List<LogEntryProto> kept = List.of(entry(0, 40), entry(1, 300));
        List<LogEntryProto> all = new ArrayList<>(kept);
        all.add(entry(2, dataBytes));
        byte[] whole = write(all);
        int torn = lengthOf(kept);
        int end = lengthOf(all);

        for (int written = torn + 1; written < end; written++) {
            byte[] bytes = whole.clone();
            Arrays.fill(bytes, written, end, (byte) 0);
            Files.write(segment, bytes);

            LogRepair.run(folder);

            assertThat(Files.readAllBytes(segment))
                    .as("%d of %d bytes were written", written - torn, end - torn)
                    .isEqualTo(Arrays.copyOf(whole, torn));
            assertThat(readByRatis()).isEqualTo(kept);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {5, 300})
    void aLastRecordThatStopsAtTheEndOfTheFileIsCut(int dataBytes) throws IOException {
        List<LogEntryProto> kept = List.of(entry(0, 40));
        List<LogEntryProto> all = List.of(entry(0, 40), entry(1, dataBytes));
        byte[] whole = write(all);
        int torn = lengthOf(kept);

        for (int written = torn + 1; written < lengthOf(all); written++) {
            Files.write(segment, Arrays.copyOf(whole, written));

            LogRepair.run(folder);

            assertThat(Files.readAllBytes(segment)).isEqualTo(Arrays.copyOf(whole, torn));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void aFlippedBitInAnyRecordIsRefusedAndNothingIsCut(int damagedIndex) throws IOException {
        List<LogEntryProto> entries = List.of(entry(0, 40), entry(1, 300), entry(2, 50));
        byte[] whole = write(entries);
        int begin = lengthOf(entries.subList(0, damagedIndex));
        int end = lengthOf(entries.subList(0, damagedIndex + 1));

        for (int at = begin; at < end; at++) {
            for (int bit = 1; bit <= 0x80; bit <<= 1) {
                byte[] bytes = whole.clone();
                bytes[at] ^= (byte) bit;
                Files.write(segment, bytes);

                assertThatThrownBy(() -> LogRepair.run(folder))
                        .as("byte %d of the record, bit %x", at - begin, bit)
                        .isInstanceOf(RaftIdentity.DirectoryException.class)
                        .hasMessageContaining(segment.toString());
                assertThat(Files.readAllBytes(segment)).isEqualTo(bytes);
            }
        }
    }

    @Test
    void aFlippedLengthInTheLastRecordOfAFileWithoutPaddingIsRefused() throws IOException {
        List<LogEntryProto> entries = List.of(entry(0, 40), entry(1, 50));
        byte[] whole = write(entries);
        byte[] bytes = Arrays.copyOf(whole, lengthOf(entries));
        // Now it reaches past the end of the file, as an incomplete record would.
        bytes[lengthOf(entries.subList(0, 1))] ^= (byte) 0x80;
        Files.write(segment, bytes);

        assertThatThrownBy(() -> LogRepair.run(folder))
                .isInstanceOf(RaftIdentity.DirectoryException.class);
        assertThat(Files.readAllBytes(segment)).isEqualTo(bytes);
    }

    @Test
    void aRecordWhoseFirstByteBecameZeroIsRefused() throws IOException {
        List<LogEntryProto> entries = List.of(entry(0, 40), entry(1, 50));
        byte[] bytes = write(entries);
        bytes[lengthOf(entries.subList(0, 1))] = 0;
        Files.write(segment, bytes);

        assertThatThrownBy(() -> LogRepair.run(folder))
                .isInstanceOf(RaftIdentity.DirectoryException.class)
                .hasMessageContaining("something follows");
        assertThat(Files.readAllBytes(segment)).isEqualTo(bytes);
    }

    @Test
    void aTornRecordFollowedByOthersIsRefused() throws IOException {
        List<LogEntryProto> entries = List.of(entry(0, 40), entry(1, 50), entry(2, 50));
        byte[] bytes = write(entries);
        // A page that never reached the disk between two that did.
        Arrays.fill(
                bytes,
                lengthOf(entries.subList(0, 1)) + 10,
                lengthOf(entries.subList(0, 2)),
                (byte) 0);
        Files.write(segment, bytes);

        assertThatThrownBy(() -> LogRepair.run(folder))
                .isInstanceOf(RaftIdentity.DirectoryException.class);
        assertThat(Files.readAllBytes(segment)).isEqualTo(bytes);
    }

    @Test
    void closedSegmentsAreNeverCut() throws IOException {
        List<LogEntryProto> entries = List.of(entry(0, 40), entry(1, 50));
        byte[] whole = write(entries);
        byte[] torn = Arrays.copyOf(whole, lengthOf(entries) - 10);
        Path closed = folder.resolve("log_0-1");
        Files.move(segment, closed);
        Files.write(closed, torn);

        assertThatCode(() -> LogRepair.run(folder)).doesNotThrowAnyException();

        assertThat(Files.readAllBytes(closed)).isEqualTo(torn);
    }

    @Test
    void aSegmentShorterThanItsHeaderIsLeftToRatis() throws IOException {
        byte[] header = {'R', 'a', 'f'};
        Files.write(segment, header);

        LogRepair.run(folder);

        assertThat(Files.readAllBytes(segment)).isEqualTo(header);
    }
}
