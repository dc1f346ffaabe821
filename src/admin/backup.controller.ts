import {
  ConflictException,
  Controller,
  NotImplementedException,
  Post,
  Res,
  ServiceUnavailableException,
  type BeforeApplicationShutdown,
} from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ServerResponse } from 'node:http';
import { JournalUnavailableError } from '../core/errors.js';
import { Journal } from '../core/journal.js';
import { HttpCopy } from './http-copy.js';
import { Needs } from './needs.js';

@ApiTags('config')
@Controller('api/v1/backup')
export class BackupController implements BeforeApplicationShutdown {
  #running: HttpCopy | undefined;

  constructor(private readonly journal: Journal) {}

  /** A copy would keep the server from closing, and what is left of it would not be whole. */
  beforeApplicationShutdown(): void {
    this.#running?.giveUp();
  }

  @Post()
  @Needs('admin')
  @ApiOperation({
    summary: 'A copy of the journal as it is now, while it goes on being used. It is whole when all bytes arrived.',
  })
  @ApiOkResponse({ content: { 'application/vnd.sqlite3': {} } })
  async backup(@Res() response: ServerResponse): Promise<void> {
    if (this.#running) throw new ConflictException('A backup is under way already: wait for its end.');
    this.#running = new HttpCopy(response);
    try {
      if (await this.journal.backup(this.#running)) response.end();
      else throw new NotImplementedException('This journal keeps nothing on a disk that could be copied.');
    } catch (error) {
      throw error instanceof JournalUnavailableError ? new ServiceUnavailableException(error.message) : error;
    } finally {
      this.#running.end();
      this.#running = undefined;
    }
  }
}
