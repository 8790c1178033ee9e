-- What has come of a resumable upload, in parts.
ALTER TABLE "uploads" ADD COLUMN     "part_keys" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "received_bytes" BIGINT NOT NULL DEFAULT 0;
