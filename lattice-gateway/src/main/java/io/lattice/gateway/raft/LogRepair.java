package io.lattice.gateway.raft;

import io.lattice.statemachine.raft.LogExtent;
import io.lattice.statemachine.storage.FileTrees;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Prepares the Raft log for being opened after a crash.
///
/// Ratis' segment files are 8 bytes of header, records, and zeros up to a preallocated size. A record is the length
/// of the entry as a varint, the entry, and the CRC32C of both, big endian. A crash inside a write leaves the last
/// record incomplete, with zeros where the rest should be, which Ratis takes for damage. Such a record was never
/// acknowledged: it is cut off. Anything else that doesn't verify is damage to what may have been acknowledged, and
/// the node refuses to start. A flipped bit in the last record's length looks like an incomplete record; it is told
/// apart by flipping each bit back.
///
/// What was written but not synced is synced, since Ratis takes all that it reads back for durable.
final class LogRepair {
    private static final Logger LOG = LoggerFactory.getLogger(LogRepair.class);
    private static final int HEADER_BYTES = 8;
    private static final int CRC_BYTES = 4;
    private static final int VARINT_BYTES_MAX = 5;
    private static final String OPEN_SEGMENT = "log_inprogress_";
    private static final Pattern CLOSED_SEGMENT = Pattern.compile("log_(\\d+)-(\\d+)");

    private LogRepair() {}

    /// Repairs and syncs the log.
    ///
    /// @param current the group's folder with the log segments; nothing to do if it doesn't exist
    /// @return which entries the log holds
    /// @throws RaftIdentity.DirectoryException if the open segment is damaged
    static LogExtent run(Path current) throws IOException {
        LogExtent extent = LogExtent.NONE;
        if (!Files.isDirectory(current)) {
            return extent;
        }
        List<Path> files;
        try (Stream<Path> entries = Files.list(current)) {
            files = entries.filter(Files::isRegularFile).toList();
        }
        for (Path file : files) {
            String name = file.getFileName().toString();
            Matcher closed = CLOSED_SEGMENT.matcher(name);
            if (name.startsWith(OPEN_SEGMENT)) {
                long first = Long.parseLong(name.substring(OPEN_SEGMENT.length()));
                long count = cutTornTail(file);
                extent = count == 0 ? extent : extent.and(first, first + count - 1);
            } else if (closed.matches()) {
                extent =
                        extent.and(
                                Long.parseLong(closed.group(1)), Long.parseLong(closed.group(2)));
            }
            FileTrees.sync(file);
        }
        FileTrees.sync(current);
        return extent;
    }

    /// Cuts off an incomplete last record; returns how many whole ones there are.
    private static long cutTornTail(Path segment) throws IOException {
        Scan scan;
        try (RandomAccessFile file = new RandomAccessFile(segment.toFile(), "r")) {
            if (file.length() < HEADER_BYTES) {
                return 0;
            }
            byte[] bytes = new byte[Math.toIntExact(file.length())];
            file.readFully(bytes);
            scan = scan(segment, bytes);
        }
        if (!scan.torn()) {
            return scan.records();
        }
        LOG.warn("{}: cutting off an incomplete last record at byte {}", segment, scan.end());
        try (FileChannel channel = FileChannel.open(segment, StandardOpenOption.WRITE)) {
            channel.truncate(scan.end());
            channel.force(true);
        }
        return scan.records();
    }

    /// What a segment holds.
    ///
    /// @param records how many whole records
    /// @param end where the last of them ends
    /// @param torn whether an incomplete record follows
    private record Scan(long records, int end, boolean torn) {}

    private static Scan scan(Path segment, byte[] bytes) {
        int position = HEADER_BYTES;
        long records = 0;
        while (position < bytes.length && bytes[position] != 0) {
            int recordLength = recordLength(bytes, position);
            if (recordLength < 0
                    || position + (long) recordLength > bytes.length
                    || !verifies(bytes, position, recordLength)) {
                requireTorn(segment, bytes, position, recordLength);
                return new Scan(records, position, true);
            }
            position += recordLength;
            records++;
        }
        if (lastNonZero(bytes, position) >= position) {
            throw damaged(segment, position, "a record's place is empty, but something follows");
        }
        return new Scan(records, position, false);
    }

    /// Index of the last byte that isn't padding, or less than `from`.
    private static int lastNonZero(byte[] bytes, int from) {
        int last = bytes.length - 1;
        while (last >= from && bytes[last] == 0) {
            last--;
        }
        return last;
    }

    /// Length of the record at `position` with its varint and checksum, or -1 if the varint isn't complete.
    private static int recordLength(byte[] bytes, int position) {
        int length = 0;
        for (int i = 0; i < VARINT_BYTES_MAX && position + i < bytes.length; i++) {
            byte b = bytes[position + i];
            length |= (b & 0x7f) << (7 * i);
            if (b >= 0) {
                long total = i + 1L + (length & 0xffff_ffffL) + CRC_BYTES;
                return total > Integer.MAX_VALUE ? Integer.MAX_VALUE : (int) total;
            }
        }
        return -1;
    }

    private static int checksum(byte[] bytes, int position, int recordLength) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, position, recordLength - CRC_BYTES);
        return (int) crc.getValue();
    }

    private static boolean verifies(byte[] bytes, int position, int recordLength) {
        int stored =
                ByteBuffer.wrap(bytes, position + recordLength - CRC_BYTES, CRC_BYTES).getInt();
        return stored == checksum(bytes, position, recordLength);
    }

    private static void requireTorn(Path segment, byte[] bytes, int position, int recordLength) {
        int last = lastNonZero(bytes, position);
        boolean torn;
        if (recordLength < 0) {
            torn = last - position < VARINT_BYTES_MAX;
        } else if (position + (long) recordLength > bytes.length) {
            torn = true;
        } else {
            int crcAt = position + recordLength - CRC_BYTES;
            torn = last < crcAt;
            if (!torn && last < crcAt + CRC_BYTES) {
                byte[] right =
                        ByteBuffer.allocate(CRC_BYTES)
                                .putInt(checksum(bytes, position, recordLength))
                                .array();
                torn = true;
                for (int i = crcAt; i <= last; i++) {
                    torn &= bytes[i] == right[i - crcAt];
                }
            }
        }
        // With a damaged length, what seems to be one long record may be whole ones.
        if (!torn || anyRecordAfter(bytes, position, last) || lengthIsFlipped(bytes, position)) {
            throw damaged(
                    segment,
                    position,
                    "the record doesn't match its checksum, and it isn't one that a crash left incomplete");
        }
    }

    private static RaftIdentity.DirectoryException damaged(
            Path segment, int position, String what) {
        return new RaftIdentity.DirectoryException(
                "%s is damaged at byte %d: %s; acknowledged writes may be in what follows: empty this node's data and log directories, and it rejoins with the other nodes' copy"
                        .formatted(segment, position, what));
    }

    /// Whether one other bit in the length would make a record that verifies.
    private static boolean lengthIsFlipped(byte[] bytes, int position) {
        int end = Math.min(position + VARINT_BYTES_MAX, bytes.length);
        for (int at = position; at < end; at++) {
            for (int bit = 1; bit <= 0x80; bit <<= 1) {
                bytes[at] ^= (byte) bit;
                int length = recordLength(bytes, position);
                boolean verified =
                        length > 0
                                && position + (long) length <= bytes.length
                                && verifies(bytes, position, length);
                bytes[at] ^= (byte) bit;
                if (verified) {
                    return true;
                }
            }
        }
        return false;
    }

    private static boolean anyRecordAfter(byte[] bytes, int position, int last) {
        for (int start = position + 1; start < last; start++) {
            int length = recordLength(bytes, start);
            if (length > CRC_BYTES + 2
                    && start + (long) length <= bytes.length
                    && startsWithTerm(bytes, start)
                    && verifies(bytes, start, length)) {
                return true;
            }
        }
        return false;
    }

    /// Every entry begins with its term, field 1: a cheap test before the checksum.
    private static boolean startsWithTerm(byte[] bytes, int start) {
        int entry = start;
        while (bytes[entry] < 0) {
            entry++;
        }
        return entry + 1 < bytes.length && bytes[entry + 1] == 0x08;
    }
}
