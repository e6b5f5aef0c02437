-- Rows as version 5 wrote them; tests upgrade them to the newest version.

INSERT INTO builds VALUES (
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'digits',
    '1111111111111111111111111111111111111111111111111111111111111111', 'fp32', NULL, 203728, '2026-01-02T03:04:05Z', NULL,
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '0.1.0', '[]', NULL, 'onnx', 'vision', 'digits.onnx', 1, NULL, NULL, NULL);
INSERT INTO builds VALUES (
    'abababababababababababababababababababababababababababababababab', 'digits',
    '1111111111111111111111111111111111111111111111111111111111111111', 'fp16', 'onnxruntime_cpu', 102400, '2026-01-02T03:04:06Z',
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '0.1.0', '["fp16: left in 32 bits: 1 TopK"]',
    'the small one', 'onnx', NULL, NULL, 0, '4444444444444444444444444444444444444444444444444444444444444444',
    '2026-01-02T03:07:00Z', NULL);
INSERT INTO artifacts VALUES (
    'abababababababababababababababababababababababababababababababab', 0, 'model.onnx',
    '2222222222222222222222222222222222222222222222222222222222222222', 102400);
INSERT INTO machines VALUES (1, '{"version":2,"arch":"x86_64","cpu_model":"Intel Xeon","cores_logical":4}');
INSERT INTO measurements VALUES (
    1, 'abababababababababababababababababababababababababababababababab', 'onnxruntime_cpu', '1.31.1', 1,
    '[[0.001,0.002]]', '2026-01-02T03:05:00Z', 128);
INSERT INTO tags VALUES ('release', 'abababababababababababababababababababababababababababababababab', '2026-01-02T03:07:01Z');
INSERT INTO tag_moves VALUES (1, 'release', 'abababababababababababababababababababababababababababababababab', '2026-01-02T03:07:01Z');
INSERT INTO figures VALUES (
    1, 'abababababababababababababababababababababababababababababababab', '2026-01-02T03:05:00Z', 'onnxruntime_cpu', 128,
    2, 1.5, 2.0, 2.0, 1.5, 0.5, 666.7, 12.0, 1000000, NULL);
INSERT INTO remarks VALUES (1, 'abababababababababababababababababababababababababababababababab', 'goes to the phone', '2026-01-02T03:07:02Z');
INSERT INTO history VALUES (
    'cccccccccccccccccccccccccccccccc', 'tag create', '["tag","create","abab","release"]', '2026-01-02T03:07:01.000Z',
    '2026-01-02T03:07:01.020Z', 0, 'dddddddd', 'desk', '0.1.0');
INSERT INTO history_builds VALUES ('cccccccccccccccccccccccccccccccc', 'abababababababababababababababababababababababababababababababab');
INSERT INTO experiments VALUES ('eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 'smaller', 'how small can it get', '2026-01-02T03:00:00Z');
INSERT INTO runs VALUES (
    'ffffffffffffffffffffffffffffffff', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', NULL, 'running', '2026-01-02T03:01:00Z', NULL);
INSERT INTO run_params VALUES ('ffffffffffffffffffffffffffffffff', 'quantization', 'fp16');
INSERT INTO run_metrics VALUES (1, 'ffffffffffffffffffffffffffffffff', 'latency_p50', 5.6, '2026-01-02T03:02:00Z');
INSERT INTO run_builds VALUES ('ffffffffffffffffffffffffffffffff', 'abababababababababababababababababababababababababababababababab');
INSERT INTO remotes VALUES ('team', 's3', 'models', 'mlbuild/', 'auto', NULL, NULL, 1, '2026-01-02T03:00:00Z');
INSERT INTO derivations VALUES (
    'abababababababababababababababababababababababababababababababab', '18446744073709551615',
    '[{"ranges":{"x":{"min":-1.0,"max":1.0}},"channels":{},"in_float":{}}]',
    '3333333333333333333333333333333333333333333333333333333333333333');
INSERT INTO checks VALUES (
    1, 'abababababababababababababababababababababababababababababababab',
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'onnxruntime_cpu', '1.31.1',
    '{"cosine":0.99}', '2026-01-02T03:06:00Z');
