/**
 * How DuckDB reaches files: its file system is the notebook's workspace, and there is nothing beside it. It is called from
 * inside of the engine, which reads a call's failure from `duckdb_web_fail_with`.
 */
import { FsError } from "#core/workspace/errno.ts";
import { isDirectory, type Stat } from "#core/workspace/protocol.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";
import type { EngineModule } from "./engine.ts";
import { globFiles, statOf, workspacePath } from "./paths.ts";

// duckdb-wasm's numbers (src/bindings/runtime.ts): flags of an opened file, and the protocol of a real file system.
const WRITE = 2;
const CREATE = 8;
const CREATE_NEW = 16;
const UNDEFINED_IF_MISSING = 128;
const FILE_SYSTEM = 1;
const FEATURE_BIGINT = 1;

interface FileInfo {
  readonly fileName: string;
  readonly dataUrl: string | null;
  readonly dataProtocol: number;
}

/** A runtime over the workspace, to be laid over the library's empty one. `connect` throws where there is none. */
export function workspaceRuntime(connect: () => SyncFs): object {
  const decoder = new TextDecoder();
  const inodes = new Map<number, number>();
  const text = (module: EngineModule, at: number, length: number): string =>
    decoder.decode(module.HEAPU8.slice(at, at + length));
  const pathOf = (module: EngineModule, at: number, length: number): string => workspacePath(text(module, at, length));

  /** Does what may fail; the engine hears of a failure after the catch, as its own exceptions pass through here. */
  const attempt = <T>(module: EngineModule, work: () => T, otherwise: T): T => {
    let reason: string;
    try {
      return work();
    } catch (error) {
      reason = reasonOf(error);
    }
    module.ccall("duckdb_web_fail_with", null, ["string"], [reason]);
    return otherwise;
  };
  const there = (path: string): Stat => {
    const stat = connect().resolve(path);
    if (!stat) throw new Error(`There is no file ${path} in the workspace.`);
    return stat;
  };
  const inodeOf = (file: number): number => {
    const inode = inodes.get(file);
    if (inode === undefined) throw new Error("The file is not open.");
    return inode;
  };
  const open = (path: string, flags: number): Stat | undefined => {
    const files = connect();
    const stat = statOf(files, path);
    if (stat && (flags & CREATE_NEW) !== 0 && stat.size > 0) return files.setattr(stat.inode, { size: 0 });
    if (stat) return stat;
    if ((flags & UNDEFINED_IF_MISSING) !== 0) return undefined;
    if ((flags & WRITE) !== 0 && (flags & (CREATE | CREATE_NEW)) !== 0) files.writeFile(path, "");
    return there(path);
  };

  return {
    testPlatformFeature: (_: EngineModule, feature: number) => feature === FEATURE_BIGINT,
    getDefaultDataProtocol: () => FILE_SYSTEM,
    openFile: (module: EngineModule, file: number, flags: number): number => {
      const info = fileInfo(module, file, decoder);
      return attempt(
        module,
        () => {
          if (info.dataProtocol !== FILE_SYSTEM)
            throw new Error(`SQL reads files of the workspace, not ${info.fileName}.`);
          const stat = open(workspacePath(info.dataUrl ?? info.fileName), flags);
          if (!stat) return 0;
          if (isDirectory(stat)) throw new Error(`${info.fileName} is a directory.`);
          connect().open(stat.inode);
          inodes.set(file, stat.inode);
          // Size of the file, and that it has no buffer.
          const result = module._malloc(16);
          module.HEAPF64[result >> 3] = stat.size;
          module.HEAPF64[(result >> 3) + 1] = 0;
          return result;
        },
        0,
      );
    },
    closeFile: (module: EngineModule, file: number): void => {
      const inode = inodes.get(file);
      inodes.delete(file);
      if (inode !== undefined) attempt(module, () => connect().close(inode), undefined);
    },
    readFile: (module: EngineModule, file: number, buffer: number, bytes: number, from: number): number =>
      attempt(module, () => connect().read(inodeOf(file), from, module.HEAPU8, buffer, bytes), 0),
    writeFile: (module: EngineModule, file: number, buffer: number, bytes: number, at: number): number =>
      attempt(module, () => connect().write(inodeOf(file), at, module.HEAPU8.slice(buffer, buffer + bytes)), 0),
    truncateFile: (module: EngineModule, file: number, size: number): void => {
      attempt(module, () => void connect().setattr(inodeOf(file), { size }), undefined);
    },
    getLastFileModificationTime: (module: EngineModule, file: number): number =>
      attempt(module, () => connect().getattr(inodeOf(file)).modified / 1000, 0),
    checkFile: (module: EngineModule, at: number, length: number): boolean =>
      attempt(
        module,
        () => {
          const stat = statOf(connect(), pathOf(module, at, length));
          return stat !== undefined && !isDirectory(stat);
        },
        false,
      ),
    checkDirectory: (module: EngineModule, at: number, length: number): boolean =>
      attempt(
        module,
        () => {
          const stat = statOf(connect(), pathOf(module, at, length));
          return stat !== undefined && isDirectory(stat);
        },
        false,
      ),
    createDirectory: (module: EngineModule, at: number, length: number): void => {
      attempt(module, () => void connect().makeDirectories(pathOf(module, at, length)), undefined);
    },
    removeDirectory: (module: EngineModule, at: number, length: number): void =>
      attempt(module, () => connect().remove(pathOf(module, at, length)), undefined),
    removeFile: (module: EngineModule, at: number, length: number): void =>
      attempt(module, () => connect().remove(pathOf(module, at, length)), undefined),
    moveFile: (module: EngineModule, from: number, fromLength: number, to: number, toLength: number): boolean =>
      attempt(
        module,
        () => {
          connect().move(pathOf(module, from, fromLength), pathOf(module, to, toLength));
          return true;
        },
        false,
      ),
    glob: (module: EngineModule, at: number, length: number): void => {
      const found = attempt(module, () => globFiles(connect(), text(module, at, length)), []);
      for (const path of found) module.ccall("duckdb_web_fs_glob_add_path", null, ["string"], [path]);
    },
  };
}

/** What the engine knows of a file: three numbers come back, the state, and place and length of a JSON text. */
function fileInfo(module: EngineModule, file: number, decoder: TextDecoder): FileInfo {
  const stack = module.stackSave();
  const response = module.stackAlloc(24);
  module.ccall("duckdb_web_fs_get_file_info_by_id", null, ["number", "number", "number"], [response, file, 0]);
  const at = module.HEAPF64[(response >> 3) + 1] ?? 0;
  const length = module.HEAPF64[(response >> 3) + 2] ?? 0;
  module.stackRestore(stack);
  const text = decoder.decode(module.HEAPU8.slice(at, at + length));
  module.ccall("duckdb_web_clear_response", null, [], []);
  return JSON.parse(text) as FileInfo;
}

function reasonOf(error: unknown): string {
  if (error instanceof FsError) return `The workspace says ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
